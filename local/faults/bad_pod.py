"""``errors``: a broken pod gets into the rotation of a slot, as a bad image or a bad node would put it there.

It has the labels that the slot's Service selects by, so the gateway sends it its share: half of the requests where the
slot has one pod. It has neither the label that Prometheus finds serving pods by, nor one that makes the Deployment
adopt it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra import naming
from local.errors import ClusterError
from local.faults.fault import FAST_BURN, Fault
from local.faults.target import MARK, PODS, PORT, marked, pods
from local.pods import is_ready

if TYPE_CHECKING:
    from local.api import Api, Json
    from local.faults.target import Target

KIND = "errors"
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.2
# A drill ends long before; should nothing else take the pod away, Kubernetes does.
_MOST_SECONDS = 3600


def _begin(api: Api, target: Target) -> str:
    name = f"{target.name}-broken"
    serving = pods(api, target)
    api.apply(f"{PODS}/{name}", _pod(serving[0], target))
    deadline = time.monotonic() + _READY_SECONDS
    while not is_ready(api.get(f"{PODS}/{name}")):
        if time.monotonic() > deadline:
            raise ClusterError(f"the pod {name} was not ready after {_READY_SECONDS:.0f} s: kubectl describe it")
        time.sleep(_POLL_SECONDS)
    share = 100 / (len(serving) + 1)
    return f"the pod {name} answers 500 to its share of the requests, {share:.0f} %"


def _pod(serving: Json, target: Target) -> Json:
    """Like a serving pod in what places and bounds it, with another program."""
    program = Path(__file__).with_name("broken_server.py").read_text(encoding="utf-8")
    (like,) = serving["spec"]["containers"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": naming.selector(target.name), "annotations": {MARK: KIND}},
        "spec": {
            "activeDeadlineSeconds": _MOST_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "nodeSelector": serving["spec"].get("nodeSelector", {}),
            "tolerations": serving["spec"].get("tolerations", []),
            "securityContext": serving["spec"]["securityContext"],
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "broken",
                    "image": like["image"],  # it is on the node, and has a Python
                    "command": ["python3", "-c", program],
                    "ports": [{"name": "http", "containerPort": PORT}],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "200m", "memory": "64Mi"},
                    },
                    "securityContext": like["securityContext"],
                }
            ],
        },
    }


def _undo(api: Api) -> list[str]:
    broken = [pod["metadata"]["name"] for pod in marked(api.get(PODS)["items"], KIND)]
    for name in broken:
        api.delete(f"{PODS}/{name}")
    return [f"the pod {name} is deleted" for name in broken]


FAULT = Fault(
    kind=KIND,
    meaning="a pod that answers 500 is in the rotation",
    alert="AvailabilityBudgetBurn",
    labels=FAST_BURN,
    begin=_begin,
    undo=_undo,
)
