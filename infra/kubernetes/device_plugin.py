"""NVIDIA's device plugin: it tells the kubelet how many GPUs a node has, and gives them to containers.

Source: deployments/static/nvidia-device-plugin.yml of https://github.com/NVIDIA/k8s-device-plugin
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes.core.v1 import ContainerArgs, EnvVarArgs

from infra.kubernetes.node_agent import KubeletFolder, declare_agent
from infra.kubernetes.pods import small_resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from infra.kubernetes.scope import Scope

NAME = "nvidia-device-plugin"
# The kubelet listens here, and finds the plugin's own socket beside its own.
_FOLDER = KubeletFolder(path="/var/lib/kubelet/device-plugins", read_only=False)


def declare_plugin(scope: Scope, *, image: pulumi.Input[str], pools: Sequence[str]) -> None:
    """Declare the plugin on the nodes of these pools."""
    container = ContainerArgs(
        name="plugin",
        image=image,
        env=[
            # A GPU node on which no GPU is found is broken, and shall show it.
            EnvVarArgs(name="FAIL_ON_INIT_ERROR", value="true"),
            # GPUs are given out whole: nothing here splits them.
            EnvVarArgs(name="MIG_STRATEGY", value="none"),
        ],
        resources=small_resources(cpu="50m", memory="64Mi", memory_limit="256Mi"),
    )
    declare_agent(scope, NAME, container, folder=_FOLDER, pools=pools)
