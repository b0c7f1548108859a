"""The receiver of stacks that have nobody to wake: a pod that writes each alert to its log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyIngressRuleArgs, NetworkPolicyPeerArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, traffic
from infra.kubernetes.monitoring import alertmanager
from infra.kubernetes.pods import (
    configuration_annotation,
    container_security_context,
    pod_security_context,
    small_resources,
)
from infra.kubernetes.scope import pods_of
from infra.receivers import ALERT_LOG as NAME
from infra.receivers import ALERT_LOG_PORT as PORT

if TYPE_CHECKING:
    import pulumi

    from infra.kubernetes.scope import Scope

_PROGRAM: Final = Path(__file__).with_name("alert_log_server.py")
_FOLDER: Final = "/opt/alert-log"
DEMAND: Final = Demand(pods=1, cpu_millis=10, memory_mib=32)
"""Of its pod."""


def declare_alert_log(scope: Scope, *, image: pulumi.Input[str], pool: str | None = None) -> None:
    """Declare its program, pod and Service, and that Alertmanager alone may talk to it.

    Args:
        scope: of the component.
        image: digest reference of an image with Python.
        pool: name of the pool whose nodes it runs on; any node without.
    """
    text = _PROGRAM.read_text(encoding="utf-8")
    program = ConfigMap(NAME, metadata=scope.metadata(NAME), data={_PROGRAM.name: text}, opts=scope.child())
    from_alertmanager = NetworkPolicyIngressRuleArgs(
        from_=[NetworkPolicyPeerArgs(pod_selector=pods_of(alertmanager.NAME))], ports=traffic.ports(PORT)
    )
    traffic.allow(scope, NAME, pods_of(NAME), ingress=[from_alertmanager])
    Deployment(
        NAME,
        metadata=scope.metadata(NAME),
        spec=DeploymentSpecArgs(
            replicas=1,
            selector=pods_of(NAME),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=scope.labels(NAME), annotations=configuration_annotation(text)),
                spec=PodSpecArgs(
                    service_account_name=access.account(scope, NAME).metadata.name,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    node_selector=naming.node_labels(pool) if pool else None,
                    security_context=pod_security_context(),
                    containers=[_container(image)],
                    volumes=[
                        VolumeArgs(name="program", config_map=ConfigMapVolumeSourceArgs(name=program.metadata.name))
                    ],
                ),
            ),
        ),
        opts=scope.child(),
    )
    Service(
        NAME,
        metadata=scope.service_metadata(NAME),
        spec=ServiceSpecArgs(
            selector=naming.selector(NAME), ports=[ServicePortArgs(name="http", port=PORT, target_port="http")]
        ),
        opts=scope.child(),
    )


def _container(image: pulumi.Input[str]) -> ContainerArgs:
    health = HTTPGetActionArgs(path="/healthz", port="http")
    return ContainerArgs(
        name=NAME,
        image=image,
        # Isolated, and without bytecode: its root file system cannot be written.
        command=["python3", "-IB", f"{_FOLDER}/{_PROGRAM.name}", str(PORT)],
        ports=[ContainerPortArgs(name="http", container_port=PORT)],
        startup_probe=ProbeArgs(http_get=health, period_seconds=1, failure_threshold=60),
        readiness_probe=ProbeArgs(http_get=health, period_seconds=5),
        liveness_probe=ProbeArgs(http_get=health, period_seconds=15),
        resources=small_resources(
            cpu=f"{DEMAND.cpu_millis}m", memory=f"{DEMAND.memory_mib}Mi", memory_limit=f"{2 * DEMAND.memory_mib}Mi"
        ),
        security_context=container_security_context(),
        volume_mounts=[VolumeMountArgs(name="program", mount_path=_FOLDER, read_only=True)],
    )
