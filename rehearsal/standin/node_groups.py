"""Telling the rehearsal which nodes the cloud would start: one JSON file per node group."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from rehearsal.standin.cloud import Cloud, Memory
from rehearsal.standin.values import Value, plain
from rehearsal.standin.words import SUBNET

TOKEN = "aws:eks/nodeGroup:NodeGroup"  # noqa: S105 a type token
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

_SMALLEST = "t3.medium"
"""What EKS takes where neither the node group nor its launch template names a type."""

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def path(cloud: Cloud, identifier: str) -> Path:
    """Return the file of a node group; its id is CLUSTER:NAME."""
    return cloud.told.node_groups / f"{identifier.replace(':', '.').replace('/', '_')}.json"


def write(cloud: Cloud, memory: Memory, identifier: str, properties: Mapping[str, Value]) -> None:
    """Write what the node maker needs; a reader sees the old content or the new, never half of it."""
    file = path(cloud, identifier)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".tmp")
    unfinished.write_text(json.dumps(describe(cloud, memory, properties), indent=2, sort_keys=True))
    unfinished.replace(file)


def remove(cloud: Cloud, identifier: str) -> None:
    """Forget a node group; one that is gone already stays gone."""
    path(cloud, identifier).unlink(missing_ok=True)


def describe(cloud: Cloud, memory: Memory, properties: Mapping[str, Value]) -> dict[str, Value]:
    """Return a node group as the node maker reads it; instance type and disk may come from the launch template."""
    given = _object(plain(properties))
    scaling = _object(given.get("scalingConfig"))
    template = _template(memory, _object(given.get("launchTemplate")))
    types = _list(given.get("instanceTypes")) or [template.get("instanceType") or _SMALLEST]
    subnets = _list(given.get("subnetIds"))
    found = [memory.find(SUBNET, subnet).get("availabilityZone") for subnet in subnets]
    return {
        "cluster": given.get("clusterName"),
        "name": given.get("nodeGroupName"),
        "instance_types": types,
        "capacity_type": given.get("capacityType"),
        "ami_type": given.get("amiType"),
        "version": given.get("version"),
        "min": scaling.get("minSize"),
        "desired": scaling.get("desiredSize"),
        "max": scaling.get("maxSize"),
        "labels": given.get("labels") or {},
        "taints": [_taint(_object(taint)) for taint in _list(given.get("taints"))],
        "subnets": subnets,
        "zones": sorted({str(plain(zone)) for zone in found if zone is not None}) or [f"{cloud.region}a"],
        "disk_gib": given.get("diskSize") or _disk(template),
    }


def _template(memory: Memory, reference: Mapping[str, Value]) -> Mapping[str, Value]:
    found = memory.find(LAUNCH_TEMPLATE, reference.get("id"))
    if not found:
        named = [inputs for (token, _), inputs in memory.inputs.items() if token == LAUNCH_TEMPLATE]
        same = [inputs for inputs in named if inputs.get("name") == reference.get("name")]
        found = same[-1] if same else found
    return _object(plain(found))


def _disk(template: Mapping[str, Value]) -> Value:
    """Return the size of the first disk of a launch template, in GiB."""
    for device in _list(template.get("blockDeviceMappings")):
        size = _object(_object(device).get("ebs")).get("volumeSize")
        if size is not None:
            return size
    return None


def _taint(taint: Mapping[str, Value]) -> dict[str, Value]:
    effect = taint.get("effect")
    return {"key": taint.get("key"), "value": taint.get("value") or "", "effect": _EFFECTS.get(str(effect), effect)}


def _object(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Value) -> Sequence[Value]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else cast("list[Value]", [])
