"""What a rehearsal pretends to be there for stacks whose cluster is not of their own making: embedded and existing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infra import capacity, naming
from infra.settings import EksCluster, EmbeddedCluster, ExistingCluster
from local.paths import write_private
from rehearsal.cloud.node_groups import Machine, NodeGroup

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings
    from rehearsal.folder import Folder

_CONTEXT = "inferstack-local"
_REGISTRY = "127.0.0.1:5000"
# Large enough for everything but too many GPUs: what those clusters have is not known here.
_VCPUS, _MEMORY_GIB = 64, 256


def describe_cluster(wanted: Settings, project: Path, folder: Folder) -> None:
    """Say where the embedded cluster is, if the stack wants one: the rehearsal's control plane."""
    if isinstance(wanted.cluster, EmbeddedCluster):
        known = {
            "context": _CONTEXT,
            "kubeconfig": str(folder.kubeconfig),
            "registry": _REGISTRY,
            "builder": "rehearsal",
        }
        write_private(project / ".state" / "cluster" / "cluster.json", json.dumps(known))


def context(wanted: Settings) -> str:
    """The name of the kubeconfig's context."""
    return wanted.cluster.context if isinstance(wanted.cluster, ExistingCluster) else _CONTEXT


def write_machines(wanted: Settings, folder: Folder) -> None:
    """Write the nodes of a cluster that the stack does not make: one for each pool, with the GPUs of the settings."""
    if isinstance(wanted.cluster, EksCluster):
        return
    for pool in capacity.pools(wanted):
        gpus = pool.there if pool.there is not None else pool.at_release
        group = NodeGroup(
            name=pool.pool,
            machine=Machine(vcpus=_VCPUS, memory_gib=_MEMORY_GIB, gpus=gpus),
            min=1,
            max=1,
            desired=1,
            labels={naming.POOL_LABEL: pool.pool},
        )
        write_private(folder.node_groups / f"{pool.pool}.json", group.model_dump_json())
