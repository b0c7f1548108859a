"""What every pod of the platform has in common: the restricted Pod Security Standard, requests and limits.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    ObjectFieldSelectorArgs,
    PersistentVolumeClaimArgs,
    PersistentVolumeClaimSpecArgs,
    PodSecurityContextArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    TopologySpreadConstraintArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import naming

if TYPE_CHECKING:
    from pulumi_kubernetes.meta.v1 import LabelSelectorArgs

# "nonroot" of distroless images; no user of that number exists on a node.
NONROOT_UID = 65532


def pod_security_context(user: int = NONROOT_UID) -> PodSecurityContextArgs:
    """For a pod: an unprivileged user, and the system calls that the container runtime allows by default.

    Args:
        user: its number, and its group's; another than the default for an image whose files are its own user's.
    """
    return PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=user,
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security_context() -> SecurityContextArgs:
    """For a container: no way to more rights, nothing to write to but its volumes."""
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        run_as_non_root=True,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def small_resources(*, cpu: str, memory: str, memory_limit: str) -> ResourceRequirementsArgs:
    """For a helper that idles most of the time: it may use a whole CPU when there is work, and a bounded memory."""
    return ResourceRequirementsArgs(
        requests={"cpu": cpu, "memory": memory}, limits={"cpu": "1", "memory": memory_limit}
    )


def field_variable(name: str, path: str) -> EnvVarArgs:
    """An environment variable with a field of the pod, for example ``metadata.namespace``."""
    return EnvVarArgs(name=name, value_from=EnvVarSourceArgs(field_ref=ObjectFieldSelectorArgs(field_path=path)))


def configuration_annotation(text: str) -> dict[str, str]:
    """For a pod that reads its configuration once, when it starts: with another text it is made anew."""
    return {f"{naming.DOMAIN}/configuration": hashlib.sha256(text.encode()).hexdigest()[:16]}


def spread(pods: LabelSelectorArgs) -> list[TopologySpreadConstraintArgs]:
    """Over zones, and over the nodes of a zone, as far as there is room: a full zone is no reason not to run."""
    return [
        TopologySpreadConstraintArgs(
            max_skew=1, topology_key=key, when_unsatisfiable="ScheduleAnyway", label_selector=pods
        )
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def claim(volume: str, *, labels: dict[str, str], size: str) -> PersistentVolumeClaimArgs:
    """What each pod of a StatefulSet gets, of the cluster's default storage class.

    Args:
        volume: its name in the pod.
        labels: of the claim.
        size: for example ``1Gi``.
    """
    return PersistentVolumeClaimArgs(
        metadata=ObjectMetaArgs(name=volume, labels=labels),
        spec=PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            resources=VolumeResourceRequirementsArgs(requests={"storage": size}),
        ),
    )
