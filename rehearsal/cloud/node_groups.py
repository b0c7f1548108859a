"""The node groups that the stand-in for AWS made, and the nodes that each of them stands for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from infra import instance_types
from infra.instance_types import InstanceType
from local.control_plane import KWOK_ANNOTATION
from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from pathlib import Path

GROUP_LABEL = "eks.amazonaws.com/nodegroup"
ZONE_LABEL = "topology.kubernetes.io/zone"
GPU = "nvidia.com/gpu"
_KUBELET_PODS = 58
"""Pods that the smallest types used can have by their network interfaces; larger ones have more."""


class Taint(BaseModel):
    """A taint, in Kubernetes' words."""

    model_config = ConfigDict(frozen=True)

    key: str
    value: str | None = None
    effect: Literal["NoSchedule", "NoExecute", "PreferNoSchedule"]


class Machine(BaseModel):
    """A node that is there already, of a cluster that the stack does not make."""

    model_config = ConfigDict(frozen=True)

    vcpus: int
    memory_gib: int
    gpus: int


class NodeGroup(BaseModel):
    """A managed node group as the stand-in writes it down, or machines that are there already."""

    model_config = ConfigDict(frozen=True)

    name: str
    instance_types: tuple[str, ...] = ()
    machine: Machine | None = None
    capacity_type: Literal["ON_DEMAND", "SPOT"] = "ON_DEMAND"
    min: int
    max: int
    desired: int
    labels: dict[str, str] = {}
    taints: tuple[Taint, ...] = ()
    zones: tuple[str, ...] = ()

    @property
    def instance(self) -> InstanceType:
        """What its nodes are made of; the first type, which EC2 tries first."""
        if self.machine:
            return InstanceType(name="machine", **self.machine.model_dump())
        try:
            return instance_types.find(self.instance_types[0])
        except (KeyError, IndexError):
            raise RehearsalError(
                f"node group {self.name}: nothing is known of the instance type {', '.join(self.instance_types)!r};"
                " add it to infra/instance_types.py"
            ) from None

    def zone(self, index: int) -> str | None:
        """Where its n-th node is: a group spreads its nodes over its zones."""
        return self.zones[index % len(self.zones)] if self.zones else None


def read(folder: Path) -> list[NodeGroup]:
    """Return the node groups that are there now, by name.

    Raises:
        RehearsalError: a file is not what the stand-in should write.
    """
    groups: list[NodeGroup] = []
    for file in sorted(folder.glob("[!.]*.json")):
        try:
            groups.append(NodeGroup.model_validate_json(file.read_bytes()))
        except FileNotFoundError:  # deleted at this moment
            continue
        except ValidationError as error:
            raise RehearsalError(f"{file.name} is not what a node group looks like: {error}") from error
    return sorted(groups, key=lambda group: group.name)


def node_name(group: NodeGroup, index: int) -> str:
    """The name of a group's n-th node."""
    return f"{group.name}-{index}"


def node(group: NodeGroup, index: int) -> dict[str, Any]:
    """The Kubernetes object of a group's n-th node, as EKS's kubelet and cloud controller would make it."""
    instance, zone, name = group.instance, group.zone(index), node_name(group, index)
    annotation, _, value = KWOK_ANNOTATION.partition("=")
    labels = {
        **group.labels,
        GROUP_LABEL: group.name,
        "eks.amazonaws.com/capacityType": group.capacity_type,
        "node.kubernetes.io/instance-type": instance.name,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    if zone:
        labels |= {ZONE_LABEL: zone, "topology.kubernetes.io/region": zone[:-1]}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {annotation: value}},
        "spec": {
            "providerID": f"aws:///{zone or 'unknown'}/i-{hashlib.sha256(name.encode()).hexdigest()[:17]}",
            "taints": [_taint(taint) for taint in group.taints],
        },
    }


def capacity(instance: InstanceType) -> dict[str, str]:
    """What the kubelet says that the machine has."""
    resources = {"cpu": str(instance.vcpus), "memory": f"{instance.memory_gib}Gi", "pods": str(_KUBELET_PODS)}
    return {**resources, GPU: str(instance.gpus)} if instance.gpus else resources


def allocatable(instance: InstanceType) -> dict[str, str]:
    """What pods can have of it: less what AL2023's nodeadm sets aside for the system, and the eviction threshold.

    CPU: 6 % of the first, 1 % of the second, 0.5 % of the third and fourth, 0.25 % of each other one. Memory: 255 MiB,
    11 MiB for each pod and 100 MiB. Source: https://github.com/awslabs/amazon-eks-ami, nodeadm/internal/kubelet.
    """
    shares = [60, 10, 5, 5] + [2.5] * max(0, instance.vcpus - 4)
    cpu_millis = instance.vcpus * 1000 - sum(shares[: instance.vcpus])
    memory_mib = instance.memory_gib * 1024 - (255 + 11 * _KUBELET_PODS) - 100
    return {**capacity(instance), "cpu": f"{cpu_millis:.0f}m", "memory": f"{memory_mib}Mi"}


def status(group: NodeGroup) -> dict[str, Any]:
    """What is written into the status of a group's nodes before KWOK makes them ready."""
    return {"status": {"capacity": capacity(group.instance), "allocatable": allocatable(group.instance)}}


def _taint(taint: Taint) -> dict[str, str]:
    wanted = {"key": taint.key, "effect": taint.effect}
    return {**wanted, "value": taint.value} if taint.value else wanted
