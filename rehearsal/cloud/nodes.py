"""Node maker: node groups become nodes, and groups grow while pods are pending."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import growth, node_groups, pods
from rehearsal.cloud.growth import Growth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.api import Api
    from rehearsal.cloud.node_groups import NodeGroup

Json = dict[str, Any]
# The scheduler looks again at a pod one second after a node came, later after each failure.
_OVERLOOKED_SECONDS = 6.0


class Nodes:
    """The nodes of all groups.

    A group keeps the nodes that pods once needed: an autoscaler waits for ten minutes before it takes one away.

    Attributes:
        growth: what the autoscaler said last.
        groups: that there are.
        grown: how many nodes each group got beyond what it had at rest, at the most.
    """

    def __init__(self, api: Api, folder: Path) -> None:
        self._api = api
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self._made: dict[str, dict[int, NodeGroup]] = {}
        self._pending_since: dict[str, float] = {}
        self.growth = Growth()
        self.groups: list[NodeGroup] = []

    @property
    def sizes(self) -> dict[str, int]:
        """How many nodes each group has, by name."""
        return dict(self._sizes)

    def step(self, all_pods: Sequence[Json]) -> None:
        """Follow the files of the node groups, and let groups grow for the pods that wait."""
        self.groups = node_groups.read(self._folder)
        known = {group.name for group in self.groups}
        for group in self.groups:
            least = max(group.min, group.desired)
            self._sizes[group.name] = min(max(self._sizes.get(group.name, 0), least), group.max)
        self.growth = growth.plan(
            self.groups,
            sizes={group.name: self._sizes[group.name] for group in self.groups},
            all_pods=all_pods,
            overlooked=self._overlooked(all_pods),
        )
        self._sizes = {name: size for name, size in self.growth.sizes.items() if name in known}
        for group in self.groups:
            self._make(group)
        for name in set(self._made) - known:
            for index, group in self._made.pop(name).items():
                self._api.delete(f"/api/v1/nodes/{node_groups.node_name(group, index)}")

    def _make(self, group: NodeGroup) -> None:
        """Make the nodes that are missing or that are of an older form of the group; delete those beyond its size."""
        made = self._made.setdefault(group.name, {})
        for index in [index for index in made if index >= self._sizes[group.name]]:
            self._api.delete(f"/api/v1/nodes/{node_groups.node_name(made.pop(index), index)}")
        for index in range(self._sizes[group.name]):
            if index in made and node_groups.node(made[index], index) == node_groups.node(group, index):
                continue
            path = f"/api/v1/nodes/{node_groups.node_name(group, index)}"
            self._api.apply(path, node_groups.node(group, index))
            self._api.merge(f"{path}/status", node_groups.status(group))
            made[index] = group

    def _overlooked(self, all_pods: Sequence[Json]) -> set[str]:
        now = time.monotonic()
        waiting = {pods.key(pod) for pod in all_pods if pods.reason_unschedulable(pod)}
        self._pending_since = {key: self._pending_since.get(key, now) for key in waiting}
        return {key for key, since in self._pending_since.items() if now - since > _OVERLOOKED_SECONDS}
