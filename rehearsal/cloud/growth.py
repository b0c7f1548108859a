"""A stand-in for the cluster autoscaler: which node groups grow by how much, as a pure function.

The autoscaler looks for pods that the scheduler cannot place, places them in its mind on the nodes that are there and
on new ones, and asks the group for those. So does this, first fit in the order of the pods' names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import node_groups, pods

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rehearsal.cloud.node_groups import NodeGroup
    from rehearsal.cloud.pods import Amounts

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What the autoscaler would do.

    Attributes:
        sizes: how many nodes each group should have, by name; never more than its maximum.
        at_maximum: the pods that a group could take if it had more nodes, with the group's name.
        nowhere: the pods that no node of any group could take.
    """

    sizes: dict[str, int] = field(default_factory=dict[str, int])
    at_maximum: dict[str, str] = field(default_factory=dict[str, str])
    nowhere: tuple[str, ...] = ()


def plan(
    groups: Sequence[NodeGroup],
    *,
    sizes: dict[str, int],
    all_pods: Sequence[Json],
    overlooked: Collection[str] = (),
) -> Growth:
    """Say how many nodes each group should have.

    Args:
        groups: that there are.
        sizes: how many nodes each has now, by name.
        all_pods: of the cluster.
        overlooked: pods, by key, that the scheduler does not place on the nodes that are there although they seem to
            have room: something else keeps them apart.
    """
    free = {
        (group.name, index): _free(group, index, all_pods) for group in groups for index in range(sizes[group.name])
    }
    by_name = {group.name: group for group in groups}
    wanted, at_maximum, nowhere = dict(sizes), dict[str, str](), list[str]()
    for pod in sorted(all_pods, key=pods.key):
        if pods.reason_unschedulable(pod) is None or pods.is_of_a_daemon_set(pod):
            continue
        key, needed = pods.key(pod), pods.requests(pod)
        there = [
            (name, index)
            for (name, index), room in free.items()
            if (key not in overlooked or index >= sizes[name])
            and _could_run(pod, by_name[name], index)
            and _covers(room, needed)
        ]
        if there:
            free[there[0]] = _less(free[there[0]], needed)
            continue
        able = [
            group for group in groups if _could_run(pod, group, wanted[group.name]) and _covers(_empty(group), needed)
        ]
        room = [group for group in able if wanted[group.name] < group.max]
        if room:
            index = wanted[room[0].name]
            wanted[room[0].name] += 1
            free[room[0].name, index] = _less(_empty(room[0]), needed)
        elif able:
            at_maximum[key] = able[0].name
        else:
            nowhere.append(key)
    return Growth(sizes=wanted, at_maximum=at_maximum, nowhere=tuple(nowhere))


def _could_run(pod: Json, group: NodeGroup, index: int) -> bool:
    node = node_groups.node(group, index)
    return pods.selects(pod, node["metadata"]["labels"]) and pods.tolerates(pod, node["spec"]["taints"])


def _empty(group: NodeGroup) -> Amounts:
    return pods.amounts(node_groups.allocatable(group.instance))


def _free(group: NodeGroup, index: int, all_pods: Sequence[Json]) -> Amounts:
    room, name = _empty(group), node_groups.node_name(group, index)
    for pod in all_pods:
        if pod["spec"].get("nodeName") == name and not pods.has_ended(pod):
            room = _less(room, pods.requests(pod))
    return room


def _covers(room: Amounts, needed: Amounts) -> bool:
    return all(room.get(name, Fraction(0)) >= amount for name, amount in needed.items() if amount)


def _less(room: Amounts, taken: Amounts) -> Amounts:
    return pods.add(room, {name: -amount for name, amount in taken.items()})
