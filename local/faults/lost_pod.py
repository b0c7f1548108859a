"""``lost-pod``: the node takes no more pods, and those of the slot go, as in a drain that nothing replaces.

Nothing answers then: the gateway says 503, and the new pods wait for a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.errors import ClusterError
from local.faults.fault import FAST_BURN, Fault
from local.faults.target import MARK, PODS, marked, pods
from local.paths import NAME as NODE

if TYPE_CHECKING:
    from local.api import Api
    from local.faults.target import Target

KIND = "lost-pod"
_NODES = "/api/v1/nodes"


def _begin(api: Api, target: Target) -> str:
    going = pods(api, target)
    if api.get(f"{_NODES}/{NODE}")["spec"].get("unschedulable"):
        raise ClusterError(f"the node {NODE} is cordoned already: kubectl uncordon {NODE}, then try again")
    api.merge(f"{_NODES}/{NODE}", {"metadata": {"annotations": {MARK: KIND}}, "spec": {"unschedulable": True}})
    for pod in going:
        api.delete(f"{PODS}/{pod['metadata']['name']}")
    return f"the node takes no pods, and {target.name} has lost {len(going)}: none is left"


def _undo(api: Api) -> list[str]:
    nodes = [node["metadata"]["name"] for node in marked(api.get(_NODES)["items"], KIND)]
    for name in nodes:
        api.merge(f"{_NODES}/{name}", {"metadata": {"annotations": {MARK: None}}, "spec": {"unschedulable": None}})
    return [f"the node {name} takes pods again" for name in nodes]


FAULT = Fault(
    kind=KIND,
    meaning="the slot's pods are gone, and no node takes new ones",
    alert="AvailabilityBudgetBurn",
    labels=FAST_BURN,
    begin=_begin,
    undo=_undo,
)
