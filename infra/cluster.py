"""Access to a cluster that is there already, and to the registry and builder of its images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi_kubernetes as kubernetes

from infra.settings import ExistingCluster
from infra.settings.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    import pulumi

    from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """What the rest of the program needs to know of a cluster.

    Attributes:
        provider: applies Kubernetes objects to it.
        registry: prefix of the repositories that its nodes pull from, for example ``127.0.0.1:5000/inferstack``.
        builder: name of the buildx builder that builds its images; None for buildx's current one.
        entry: where users reach the gateway, without a final slash.
    """

    provider: kubernetes.Provider
    registry: str
    builder: str | None
    entry: pulumi.Input[str]


def connect(settings: Settings, *, root: Path) -> ClusterAccess:
    """Reach the embedded or existing cluster that the settings name.

    Args:
        settings: the stack's.
        root: the root of the project, in which the embedded cluster keeps its state.

    Raises:
        SettingsError: the embedded cluster does not run.
    """
    cluster = settings.cluster
    entry = f"http://{settings.gateway.address}:{settings.gateway.node_port}"
    if isinstance(cluster, ExistingCluster):
        return ClusterAccess(
            provider=_provider(context=cluster.context, kubeconfig=cluster.kubeconfig),
            registry=cluster.images.registry,
            builder=None,
            entry=entry,
        )
    context, kubeconfig, registry, builder = _embedded(root / ".state" / "cluster" / "cluster.json")
    return ClusterAccess(
        provider=_provider(context=context, kubeconfig=kubeconfig),
        registry=f"{registry}/inferstack",
        builder=builder,
        entry=entry,
    )


def _embedded(description: Path) -> tuple[str, str, str, str]:
    try:
        known: dict[str, str] = json.loads(description.read_text(encoding="utf-8"))
        return known["context"], known["kubeconfig"], known["registry"], known["builder"]
    except (OSError, ValueError, KeyError):
        raise SettingsError(
            "inferstack:cluster.kind is 'embedded', but the embedded cluster does not run on this machine. "
            "Start it with: make cluster"
        ) from None


def _provider(*, context: str, kubeconfig: str | None) -> kubernetes.Provider:
    return kubernetes.Provider(
        "cluster",
        context=context,
        kubeconfig=kubeconfig,
        # A config map that changes is else made anew, and what mounts it with it: Prometheus would forget all.
        enable_config_map_mutable=True,
    )
