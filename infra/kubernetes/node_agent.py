"""An agent on every node of the GPU pools: what the device plugin and the DCGM exporter have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi_kubernetes.apps.v1 import (
    DaemonSet,
    DaemonSetSpecArgs,
    DaemonSetUpdateStrategyArgs,
    RollingUpdateDaemonSetArgs,
)
from pulumi_kubernetes.core.v1 import (
    AffinityArgs,
    CapabilitiesArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    HostPathVolumeSourceArgs,
    NodeAffinityArgs,
    NodeSelectorArgs,
    NodeSelectorRequirementArgs,
    NodeSelectorTermArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    TolerationArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import naming
from infra.kubernetes import access
from infra.kubernetes.pods import configuration_annotation
from infra.kubernetes.scope import pods_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from infra.kubernetes.scope import Scope

CONFIGURATION = "/etc/inferstack"


@dataclass(frozen=True, kw_only=True)
class KubeletFolder:
    """A folder of the kubelet's with a socket in it.

    Attributes:
        path: on the node and in the container.
        read_only: false where the agent puts a socket of its own into it.
    """

    path: str
    read_only: bool


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What an agent reads when it starts.

    Attributes:
        config_map: the name of what holds it.
        text: of it.
    """

    config_map: pulumi.Input[str]
    text: str


def declare_agent(  # noqa: PLR0913  # an agent is made of that much
    scope: Scope,
    name: str,
    container: ContainerArgs,
    *,
    folder: KubeletFolder,
    pools: Sequence[str],
    configuration: Configuration | None = None,
) -> DaemonSet:
    """Declare the DaemonSet and its account.

    Args:
        scope: of the component.
        name: of the agent.
        container: without its security context and its mounts, which are the same for all agents.
        folder: of the kubelet's; the one thing of the node that the agent gets.
        pools: names of the pools whose nodes it runs on.
        configuration: what it finds in :data:`CONFIGURATION`.
    """
    host_path = HostPathVolumeSourceArgs(path=folder.path, type="Directory")
    volumes = [VolumeArgs(name="kubelet", host_path=host_path)]
    mounts = [VolumeMountArgs(name="kubelet", mount_path=folder.path, read_only=folder.read_only)]
    if configuration is not None:
        source = ConfigMapVolumeSourceArgs(name=configuration.config_map)
        volumes.append(VolumeArgs(name="configuration", config_map=source))
        mounts.append(VolumeMountArgs(name="configuration", mount_path=CONFIGURATION, read_only=True))
    container.security_context = _agent_security_context()
    container.volume_mounts = mounts
    return DaemonSet(
        name,
        metadata=scope.metadata(name),
        spec=DaemonSetSpecArgs(
            selector=pods_of(name),
            update_strategy=DaemonSetUpdateStrategyArgs(
                type="RollingUpdate", rolling_update=RollingUpdateDaemonSetArgs(max_unavailable=1)
            ),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(
                    labels=scope.labels(name),
                    annotations=configuration_annotation(configuration.text) if configuration else None,
                ),
                spec=PodSpecArgs(
                    service_account_name=access.account(scope, name).metadata.name,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    # Without the agent a node's GPUs are lost: what else is on the node goes first.
                    priority_class_name="system-node-critical",
                    affinity=_on(pools),
                    tolerations=[TolerationArgs(key=naming.GPU_RESOURCE, operator="Exists", effect="NoSchedule")],
                    security_context=PodSecurityContextArgs(seccomp_profile=SeccompProfileArgs(type="RuntimeDefault")),
                    containers=[container],
                    volumes=volumes,
                ),
            ),
        ),
        opts=scope.child(),
    )


def _agent_security_context() -> SecurityContextArgs:
    """The restricted Pod Security Standard, but for the user: the kubelet's sockets let none but root connect."""
    return SecurityContextArgs(
        run_as_non_root=False,
        run_as_user=0,
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def _on(pools: Sequence[str]) -> AffinityArgs:
    of_pools = NodeSelectorRequirementArgs(key=naming.POOL_LABEL, operator="In", values=list(pools))
    return AffinityArgs(
        node_affinity=NodeAffinityArgs(
            required_during_scheduling_ignored_during_execution=NodeSelectorArgs(
                node_selector_terms=[NodeSelectorTermArgs(match_expressions=[of_pools])]
            )
        )
    )
