"""``latency``: the slot's pods get a small part of their CPU, as beside a greedy neighbour or after a wrong edit.

The container is resized in place, so it goes on serving: its requests wait for each other, each takes a second or so,
and its probes still pass.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.faults.fault import FAST_BURN, Fault
from local.faults.target import MARK, PODS, marked, pods

if TYPE_CHECKING:
    from local.api import Api, Json
    from local.faults.target import Target

KIND = "latency"
# MiniLM on one text takes 2 to 10 ms of CPU: from 4 to 20 requests a second, while a drill sends more.
_LIMIT = "40m"
_REQUEST = "25m"
_BEFORE = f"{MARK}-before"


def _begin(api: Api, target: Target) -> str:
    for pod in pods(api, target):
        path = f"{PODS}/{pod['metadata']['name']}"
        (container,) = pod["spec"]["containers"]
        before = {kind: container["resources"][kind]["cpu"] for kind in ("requests", "limits")}
        # First, so that whatever happens next can be undone.
        _annotate(api, path, {MARK: KIND, _BEFORE: json.dumps(before)})
        _resize(api, path, container["name"], {"requests": _REQUEST, "limits": _LIMIT})
    return f"the pods of {target.name} are held to {_LIMIT} of CPU"


def _undo(api: Api) -> list[str]:
    done = list[str]()
    for pod in marked(api.get(PODS)["items"], KIND):
        name = pod["metadata"]["name"]
        before: dict[str, str] = json.loads(pod["metadata"]["annotations"][_BEFORE])
        (container,) = pod["spec"]["containers"]
        _resize(api, f"{PODS}/{name}", container["name"], before)
        _annotate(api, f"{PODS}/{name}", {MARK: None, _BEFORE: None})
        done.append(f"the pod {name} has its CPU again, {before['limits']}")
    return done


def _resize(api: Api, path: str, container: str, cpu: dict[str, str]) -> None:
    resources = {kind: {"cpu": amount} for kind, amount in cpu.items()}
    api.merge(f"{path}/resize", {"spec": {"containers": [{"name": container, "resources": resources}]}})


def _annotate(api: Api, path: str, annotations: Json) -> None:
    api.merge(path, {"metadata": {"annotations": annotations}})


FAULT = Fault(
    kind=KIND,
    meaning="the pods get hardly any CPU",
    alert="LatencyBudgetBurn",
    labels=FAST_BURN,
    begin=_begin,
    undo=_undo,
)
