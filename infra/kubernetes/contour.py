"""Contour, the control plane of the gateway: it turns Gateway API objects into Envoy's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
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
    SecretVolumeSourceArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    TCPSocketActionArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra import naming
from infra.kubernetes import access, contour_roles, contour_tracing, definitions
from infra.kubernetes.contour_certificates import CONTOUR_SECRET, certificate_job
from infra.kubernetes.pods import (
    configuration_annotation,
    container_security_context,
    field_variable,
    pod_security_context,
    small_resources,
    spread,
)
from infra.kubernetes.scope import Scope, pods_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

XDS_PORT = 8001
METRICS_PORT = 8000
_NAME = "contour"


@dataclass(frozen=True, kw_only=True)
class ContourArgs:
    """What Contour is made from.

    Attributes:
        environment: the stack.
        namespace: where it runs.
        image: digest reference of the Contour image.
        gateway: name of the Gateway that it serves, in the same namespace.
        crds: folder with the custom resource definitions of Contour and the Gateway API, as YAML files.
        replicas: how many run; all serve Envoy, and one of them writes status.
        node_selector: labels of the nodes that it may run on; any without.
        tracing: where Envoy's spans go; nowhere without.
    """

    environment: str
    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    gateway: str
    crds: Path
    replicas: int = 1
    node_selector: Mapping[str, str] | None = None
    tracing: contour_tracing.Tracing | None = None


class Contour(pulumi.ComponentResource):
    """Contour with its definitions, certificates, rights, Deployment and Service.

    Attributes:
        definitions: the custom resource definitions; what needs their kinds depends on them.
        ready: resources that Envoy needs before it can start.
    """

    definitions: list[pulumi.Resource]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: ContourArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:Contour", name, None, opts)
        self._args = args
        self._scope = Scope(environment=args.environment, namespace=args.namespace, parent=self)
        self.definitions = [self._definition(each) for each in definitions.read(args.crds)]
        certificates = certificate_job(self._scope, image=args.image, node_selector=args.node_selector)
        deployment = self._deployment(certificates)
        self.ready = [certificates, deployment, self._service()]
        if args.replicas > 1:
            PodDisruptionBudget(
                _NAME,
                metadata=self._scope.metadata(_NAME),
                spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=pods_of(_NAME)),
                opts=self._scope.child(),
            )
        self.register_outputs({})

    def _definition(self, definition: dict[str, Any]) -> CustomResource:
        # Not yaml.v2.ConfigGroup, which hands every definition back to the program as a typed resource.
        name: str = definition["metadata"]["name"]
        return CustomResource(
            name,
            api_version=definition["apiVersion"],
            kind=definition["kind"],
            metadata=ObjectMetaArgs(
                name=name,
                annotations=definition["metadata"].get("annotations"),
                labels=naming.labels(_NAME, self._args.environment),
            ),
            spec=definition["spec"],
            opts=self._scope.child(),
        )

    def _configuration(self) -> pulumi.Output[str]:
        tracing = self._args.tracing
        namespaces = pulumi.Output.all(self._args.namespace, tracing.namespace if tracing else "")
        return namespaces.apply(lambda known: _configuration(self._args, *known))

    def _deployment(self, certificates: pulumi.Resource) -> Deployment:
        args, scope = self._args, self._scope
        account = access.account(scope, _NAME)
        granted = (
            access.grant(scope, account, _NAME, contour_roles.IN_ITS_NAMESPACE),
            access.grant_everywhere(scope, account, _NAME, contour_roles.EVERYWHERE),
        )
        text = self._configuration()
        configuration = ConfigMap(
            _NAME, metadata=scope.metadata(_NAME), data={"contour.yaml": text}, opts=scope.child()
        )
        before = [certificates, *granted, *self.definitions]
        if args.tracing:
            before.append(
                contour_tracing.declare_extension_service(
                    args.tracing, environment=args.environment, parent=self, after=self.definitions
                )
            )
        return Deployment(
            _NAME,
            metadata=scope.metadata(_NAME),
            spec=DeploymentSpecArgs(
                replicas=args.replicas,
                selector=pods_of(_NAME),
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(
                        labels=scope.labels(_NAME), annotations=text.apply(configuration_annotation)
                    ),
                    spec=PodSpecArgs(
                        service_account_name=account.metadata.name,
                        automount_service_account_token=True,
                        node_selector=args.node_selector,
                        topology_spread_constraints=spread(pods_of(_NAME)) if args.replicas > 1 else None,
                        security_context=pod_security_context(),
                        containers=[self._container()],
                        volumes=[
                            VolumeArgs(name="certificates", secret=SecretVolumeSourceArgs(secret_name=CONTOUR_SECRET)),
                            VolumeArgs(
                                name="configuration",
                                config_map=ConfigMapVolumeSourceArgs(name=configuration.metadata.name),
                            ),
                        ],
                    ),
                ),
            ),
            opts=scope.child(after=before),
        )

    def _container(self) -> ContainerArgs:
        health = HTTPGetActionArgs(path="/healthz", port=METRICS_PORT)
        return ContainerArgs(
            name="contour",
            image=self._args.image,
            command=["/bin/contour"],
            args=[
                "serve",
                "--incluster",
                "--xds-address=0.0.0.0",
                f"--xds-port={XDS_PORT}",
                "--contour-cafile=/certs/ca.crt",
                "--contour-cert-file=/certs/tls.crt",
                "--contour-key-file=/certs/tls.key",
                "--config-path=/config/contour.yaml",
                *(f"--disable-feature={feature}" for feature in definitions.DISABLED_FEATURES),
            ],
            env=[
                field_variable("CONTOUR_NAMESPACE", "metadata.namespace"),
                field_variable("POD_NAME", "metadata.name"),
            ],
            ports=[
                ContainerPortArgs(name="xds", container_port=XDS_PORT),
                ContainerPortArgs(name="metrics", container_port=METRICS_PORT),
            ],
            startup_probe=ProbeArgs(http_get=health, period_seconds=1, failure_threshold=60),
            liveness_probe=ProbeArgs(http_get=health, period_seconds=10),
            readiness_probe=ProbeArgs(tcp_socket=TCPSocketActionArgs(port=XDS_PORT), period_seconds=2),
            resources=small_resources(cpu="50m", memory="96Mi", memory_limit="256Mi"),
            security_context=container_security_context(),
            volume_mounts=[
                VolumeMountArgs(name="certificates", mount_path="/certs", read_only=True),
                VolumeMountArgs(name="configuration", mount_path="/config", read_only=True),
            ],
        )

    def _service(self) -> Service:
        return Service(
            _NAME,
            metadata=self._scope.service_metadata(_NAME),
            spec=ServiceSpecArgs(
                selector=naming.selector(_NAME),
                ports=[ServicePortArgs(name="xds", port=XDS_PORT, target_port="xds")],
            ),
            opts=self._scope.child(),
        )


def _configuration(args: ContourArgs, namespace: str, collector_namespace: str) -> str:
    """contour.yaml, of the namespaces by their names."""
    configuration: dict[str, Any] = {"gateway": {"gatewayRef": {"name": args.gateway, "namespace": namespace}}}
    if args.tracing:
        configuration["tracing"] = contour_tracing.configuration(collector_namespace, args.tracing.sampling)
    return yaml.safe_dump(configuration)
