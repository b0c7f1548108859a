"""What tests of the rehearsal are about: a node group, pods as the API server gives them, lines of an event log."""

import json
from pathlib import Path
from typing import Any

from rehearsal.cloud.node_groups import NodeGroup, Taint

Json = dict[str, Any]
GPU_TAINT = Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule")
POOL = {"inferstack.dev/pool": "gpu"}


def group(**changed: Any) -> NodeGroup:  # noqa: ANN401  any field of a node group
    """A node group of three to nine nodes with one GPU each, in three zones."""
    fields: Json = {
        "name": "gpu",
        "instance_types": ("g6.xlarge",),
        "min": 3,
        "max": 9,
        "desired": 3,
        "labels": POOL,
        "taints": (GPU_TAINT,),
        "zones": ("eu-central-1a", "eu-central-1b", "eu-central-1c"),
    }
    return NodeGroup(**{**fields, **changed})


def pod(name: str, *, gpus: int = 1, node: str | None = None, pending: str | None = None, **spec: Any) -> Json:  # noqa: ANN401  any field of a pod's spec
    """A pod of the pool `gpu`: on a node, or with the scheduler's reason why it is on none."""
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": pending}]
    return {
        "metadata": {"name": name, "namespace": "inferstack"},
        "spec": {
            "containers": [
                {"name": "serving", "resources": {"requests": {"cpu": "1"}, "limits": {"nvidia.com/gpu": gpus}}}
            ],
            "nodeSelector": POOL,
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
            **({"nodeName": node} if node else {}),
            **spec,
        },
        "status": {"phase": "Pending" if pending else "Running", "conditions": conditions if pending else []},
    }


def urn(token: str, name: str) -> str:
    """The engine's name of a resource."""
    return f"urn:pulumi:prod::inferstack::{token}::{name}"


def step(operation: str, token: str, name: str, *, custom: bool = True, **more: Any) -> Json:  # noqa: ANN401  any field of the event
    """The event of one step."""
    new = {"type": token, "urn": urn(token, name), "custom": custom, "inputs": more.pop("inputs", {})}
    metadata = {"op": operation, "urn": urn(token, name), "type": token, "old": None, "new": new, **more}
    return {"resourcePreEvent": {"metadata": metadata}}


def violation(policy: str, message: str, *, level: str = "mandatory", where: str = "") -> Json:
    """The event of a policy that says no."""
    return {"policyEvent": {"policyName": policy, "enforcementLevel": level, "message": message, "resourceUrn": where}}


def error(message: str, where: str = "") -> Json:
    """The event of an error."""
    return {"diagnosticEvent": {"message": message, "severity": "error", "urn": where}}


def write_log(folder: Path, *events: Json) -> Path:
    """Write an event log."""
    log = folder / "update.events"
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    return log
