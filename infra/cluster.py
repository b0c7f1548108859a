"""Access to the cluster that a stack runs on, and to the registry and builder of its images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi_kubernetes as kubernetes

from infra.settings import EmbeddedCluster, ExistingCluster
from infra.settings.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Cluster


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """What the rest of the program needs to know of a cluster.

    Attributes:
        provider: applies Kubernetes objects to it.
        registry: prefix of the repositories that its nodes pull from, for example ``127.0.0.1:5000/inferstack``.
        builder: name of the buildx builder that builds its images; None for buildx's current one.
        gpus: how many GPUs it has, where that is known.
    """

    provider: kubernetes.Provider
    registry: str
    builder: str | None
    gpus: int | None


def connect(cluster: Cluster, *, root: Path) -> ClusterAccess:
    """Reach the cluster that the settings name.

    Args:
        cluster: the settings.
        root: the root of the project, in which the embedded cluster keeps its state.

    Raises:
        SettingsError: the embedded cluster does not run.
    """
    match cluster:
        case EmbeddedCluster():
            return _embedded(cluster, root / ".state" / "cluster" / "cluster.json")
        case ExistingCluster():
            return ClusterAccess(
                provider=_provider(context=cluster.context, kubeconfig=cluster.kubeconfig),
                registry=cluster.images.registry,
                builder=None,
                gpus=None,
            )


def _embedded(cluster: EmbeddedCluster, description: Path) -> ClusterAccess:
    try:
        known: dict[str, str] = json.loads(description.read_text(encoding="utf-8"))
        access = known["context"], known["kubeconfig"], known["registry"], known["builder"]
    except (OSError, ValueError, KeyError):
        raise SettingsError(
            "inferstack:cluster.kind is 'embedded', but the embedded cluster does not run on this machine. "
            "Start it with: make cluster"
        ) from None
    context, kubeconfig, registry, builder = access
    return ClusterAccess(
        provider=_provider(context=context, kubeconfig=kubeconfig),
        registry=f"{registry}/inferstack",
        builder=builder,
        gpus=cluster.gpus,
    )


def _provider(*, context: str, kubeconfig: str | None) -> kubernetes.Provider:
    return kubernetes.Provider("cluster", context=context, kubeconfig=kubeconfig)
