"""Envoy, the data plane of the gateway: all requests pass through it, split by the weights of the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    ExecActionArgs,
    HTTPGetActionArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    SecretVolumeSourceArgs,
    Service,
    ServiceAccount,
    ServicePortArgs,
    ServiceSpecArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra import naming
from infra.kubernetes.contour import XDS_PORT
from infra.kubernetes.contour_certificates import ENVOY_SECRET
from infra.kubernetes.pods import (
    container_security_context,
    field_variable,
    pod_security_context,
    small_resources,
    spread,
)
from infra.kubernetes.scope import Scope, pods_of

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTENER_PORT = 80
# Contour lets Envoy listen on the Gateway listener's port + 8000, since ports below 1024 ask for a capability.
HTTP_PORT = LISTENER_PORT + 8000
METRICS_PORT = 8002
_NAME = "envoy"
_SHUTDOWN_PORT = 8090
# Longer than any request may take (10 s), and than Contour's own check interval for open connections (5 s).
_DRAIN_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class EnvoyArgs:
    """What Envoy is made from.

    Attributes:
        environment: the stack.
        namespace: where it runs, beside Contour.
        image: digest reference of the Envoy image.
        contour_image: digest reference of the Contour image, which holds the bootstrap and shutdown helpers.
        node_port: the port on each node that leads to it.
        replicas: how many run, spread over zones.
        node_selector: labels of the nodes that it may run on; any without.
    """

    environment: str
    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    contour_image: pulumi.Input[str]
    node_port: int
    replicas: int = 1
    node_selector: Mapping[str, str] | None = None


class Envoy(pulumi.ComponentResource):
    """Envoy's Deployment, disruption budget and NodePort Service.

    Attributes:
        service: leads into the data plane.
    """

    service: Service

    def __init__(self, name: str, args: EnvoyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:Envoy", name, None, opts)
        self._args = args
        child = pulumi.ResourceOptions(parent=self)
        labels = naming.labels(_NAME, args.environment)
        metadata = ObjectMetaArgs(name=_NAME, namespace=args.namespace, labels=labels)
        account = ServiceAccount(name, metadata=metadata, automount_service_account_token=False, opts=child)
        Deployment(
            name,
            metadata=metadata,
            spec=DeploymentSpecArgs(
                replicas=args.replicas,
                selector=pods_of(_NAME),
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=labels),
                    spec=PodSpecArgs(
                        service_account_name=account.metadata.name,
                        automount_service_account_token=False,
                        node_selector=args.node_selector,
                        topology_spread_constraints=spread(pods_of(_NAME)) if args.replicas > 1 else None,
                        termination_grace_period_seconds=_DRAIN_SECONDS,
                        security_context=pod_security_context(),
                        init_containers=[self._bootstrap()],
                        containers=[self._shutdown_manager(), self._proxy()],
                        volumes=[
                            VolumeArgs(name="admin", empty_dir=EmptyDirVolumeSourceArgs(size_limit="1Mi")),
                            VolumeArgs(name="configuration", empty_dir=EmptyDirVolumeSourceArgs(size_limit="1Mi")),
                            VolumeArgs(name="certificates", secret=SecretVolumeSourceArgs(secret_name=ENVOY_SECRET)),
                        ],
                    ),
                ),
            ),
            opts=child,
        )
        PodDisruptionBudget(
            name,
            metadata=metadata,
            spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=pods_of(_NAME)),
            opts=child,
        )
        scope = Scope(environment=args.environment, namespace=args.namespace, parent=self)
        self.service = Service(
            name,
            metadata=scope.service_metadata(_NAME),
            spec=ServiceSpecArgs(
                # Any node passes requests on to any pod. externalTrafficPolicy Local would spare a hop and show the
                # client's address, which nothing here reads, but a node whose last pod leaves would drop requests
                # until the load balancer's health checks see it: an outage of seconds at each update of Envoy.
                type="NodePort",
                selector=naming.selector(_NAME),
                ports=[ServicePortArgs(name="http", port=LISTENER_PORT, target_port="http", node_port=args.node_port)],
            ),
            opts=child,
        )
        self.register_outputs({})

    def _bootstrap(self) -> ContainerArgs:
        return ContainerArgs(
            name="bootstrap",
            image=self._args.contour_image,
            command=["/bin/contour"],
            args=[
                "bootstrap",
                "/config/envoy.json",
                "--xds-address=contour",
                f"--xds-port={XDS_PORT}",
                "--xds-resource-version=v3",
                "--resources-dir=/config/resources",
                "--envoy-cafile=/certs/ca.crt",
                "--envoy-cert-file=/certs/tls.crt",
                "--envoy-key-file=/certs/tls.key",
            ],
            env=[field_variable("CONTOUR_NAMESPACE", "metadata.namespace")],
            resources=small_resources(cpu="20m", memory="32Mi", memory_limit="128Mi"),
            security_context=container_security_context(),
            volume_mounts=[
                VolumeMountArgs(name="configuration", mount_path="/config"),
                VolumeMountArgs(name="certificates", mount_path="/certs", read_only=True),
            ],
        )

    def _shutdown_manager(self) -> ContainerArgs:
        """Holds a terminating pod until Envoy has no open connections."""
        health = HTTPGetActionArgs(path="/healthz", port=_SHUTDOWN_PORT)
        return ContainerArgs(
            name="shutdown-manager",
            image=self._args.contour_image,
            command=["/bin/contour"],
            args=["envoy", "shutdown-manager"],
            lifecycle=LifecycleArgs(
                pre_stop=LifecycleHandlerArgs(exec_=ExecActionArgs(command=["/bin/contour", "envoy", "shutdown"]))
            ),
            startup_probe=ProbeArgs(http_get=health, period_seconds=1, failure_threshold=60),
            readiness_probe=ProbeArgs(http_get=health, period_seconds=10),
            liveness_probe=ProbeArgs(http_get=health, period_seconds=10),
            resources=small_resources(cpu="20m", memory="32Mi", memory_limit="128Mi"),
            security_context=container_security_context(),
            volume_mounts=[VolumeMountArgs(name="admin", mount_path="/admin")],
        )

    def _proxy(self) -> ContainerArgs:
        ready = HTTPGetActionArgs(path="/ready", port=METRICS_PORT)
        return ContainerArgs(
            name="envoy",
            image=self._args.image,
            command=["/usr/local/bin/envoy"],
            args=[
                "-c",
                "/config/envoy.json",
                "--service-cluster $(CONTOUR_NAMESPACE)",
                "--service-node $(POD_NAME)",
                "--log-level warning",
                "--concurrency 1",
            ],
            env=[
                field_variable("CONTOUR_NAMESPACE", "metadata.namespace"),
                field_variable("POD_NAME", "metadata.name"),
            ],
            ports=[
                ContainerPortArgs(name="http", container_port=HTTP_PORT),
                ContainerPortArgs(name="metrics", container_port=METRICS_PORT),
            ],
            lifecycle=LifecycleArgs(
                pre_stop=LifecycleHandlerArgs(http_get=HTTPGetActionArgs(path="/shutdown", port=_SHUTDOWN_PORT))
            ),
            startup_probe=ProbeArgs(http_get=ready, period_seconds=1, failure_threshold=60),
            # Patient: where the CPU is short it answers late, and to restart it would lose all requests.
            readiness_probe=ProbeArgs(http_get=ready, period_seconds=4, timeout_seconds=5),
            # Alive is not ready: while Contour is away Envoy goes on with the routes that it has.
            liveness_probe=ProbeArgs(
                http_get=HTTPGetActionArgs(path="/stats/prometheus?filter=server.live", port=METRICS_PORT),
                period_seconds=10,
                timeout_seconds=5,
                failure_threshold=6,
            ),
            resources=small_resources(cpu="100m", memory="96Mi", memory_limit="512Mi"),
            security_context=container_security_context(),
            volume_mounts=[
                VolumeMountArgs(name="admin", mount_path="/admin"),
                VolumeMountArgs(name="configuration", mount_path="/config", read_only=True),
                VolumeMountArgs(name="certificates", mount_path="/certs", read_only=True),
            ],
        )
