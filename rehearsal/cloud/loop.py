"""The stand-ins of the cloud at work: one thread gives each its turn, several times a second, until the end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.errors import ClusterError
from rehearsal.cloud import pods
from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import Self

    from local.api import Api
    from rehearsal.cloud.contour import Contour
    from rehearsal.cloud.load_balancers import LoadBalancers
    from rehearsal.cloud.nodes import Nodes
    from rehearsal.cloud.volumes import Volumes

Json = dict[str, Any]
_PAUSE_SECONDS = 0.3
# As long as pods wait for nodes, volumes or their turn, something changes more often than that.
_STUCK_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A pod that the scheduler finds no node for, by namespace and name; its reason, and the autoscaler's remark."""

    pod: str
    reason: str
    remark: str


class Cloud:
    """The stand-ins of one rehearsal. Use it as a context manager."""

    def __init__(
        self, api: Api, *, nodes: Nodes, load_balancers: LoadBalancers, volumes: Volumes, contour: Contour
    ) -> None:
        self._api = api
        self.nodes = nodes
        self.contour = contour
        self._load_balancers = load_balancers
        self._volumes = volumes
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="cloud", daemon=True)
        self._changed = time.monotonic()
        self._seen: object = None
        self._pending: tuple[Pending, ...] = ()
        self.problem: Exception | None = None
        self.turns = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(timeout=30)

    @property
    def pending(self) -> tuple[Pending, ...]:
        """The pods that the scheduler finds no node for, as of the last turn."""
        return self._pending

    @property
    def stuck(self) -> bool:
        """Whether pods are pending and neither they, nor others, nor nodes have changed for a while."""
        return bool(self._pending) and time.monotonic() - self._changed > _STUCK_SECONDS

    def _work(self) -> None:
        while not self._end.wait(_PAUSE_SECONDS):
            try:
                self._turn()
            except RehearsalError as error:
                self.problem = error
                return
            except ClusterError as error:  # the API server is busy: the next turn tries again
                self.problem = error
            else:
                self.problem = None
                self.turns += 1

    def _turn(self) -> None:
        all_pods: list[Json] = self._api.get("/api/v1/pods")["items"]
        self.nodes.step(all_pods)
        self._load_balancers.step()
        self._volumes.step()
        self.contour.step()
        self._pending = tuple(self._describe(all_pods))
        seen = (
            sorted(
                (
                    pods.key(pod),
                    pod["spec"].get("nodeName"),
                    pod["status"].get("phase"),
                    bool(pods.reason_unschedulable(pod)),
                )
                for pod in all_pods
            ),
            self.nodes.sizes,
        )
        if seen != self._seen:
            self._seen, self._changed = seen, time.monotonic()

    def _describe(self, all_pods: list[Json]) -> Generator[Pending]:
        growth = self.nodes.growth
        for pod in all_pods:
            key, reason = pods.key(pod), pods.reason_unschedulable(pod)
            if reason is None:
                continue
            remark = ""
            if group := growth.at_maximum.get(key):
                most = next(each.max for each in self.nodes.groups if each.name == group)
                remark = f"node group {group} is at its maximum of {most} nodes"
            elif key in growth.nowhere:
                remark = "no node of any group could take it"
            yield Pending(pod=key, reason=reason, remark=remark)
