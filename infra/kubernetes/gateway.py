"""The gateway: Contour and Envoy as pods, one Gateway with an HTTP listener, and who may talk to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
)

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import traffic
from infra.kubernetes.contour import METRICS_PORT as CONTOUR_METRICS_PORT
from infra.kubernetes.contour import XDS_PORT, Contour, ContourArgs
from infra.kubernetes.contour_certificates import NAME as JOB
from infra.kubernetes.envoy import HTTP_PORT, LISTENER_PORT, Envoy, EnvoyArgs
from infra.kubernetes.envoy import METRICS_PORT as ENVOY_METRICS_PORT
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.scope import Scope, pods_of
from infra.kubernetes.serving_pod import PORT as SERVING_PORT

if TYPE_CHECKING:
    from pathlib import Path

    from infra.kubernetes.contour_tracing import Tracing

API_VERSION = "gateway.networking.k8s.io/v1"
_CONTROLLER = "projectcontour.io/gateway-controller"
_ENOUGH_CONTOURS = 2


def _demand(pods: int) -> Demand:
    """For so many pods of Contour and Envoy, one more of each while they are rolled out, and the certificate Job."""
    return Demand(pods=pods + 3, cpu_millis=(pods + 2) * 250, memory_mib=(pods + 2) * 256)


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """What the gateway is made from.

    Attributes:
        environment: the stack.
        contour_image: digest reference of the Contour image.
        envoy_image: digest reference of the Envoy image.
        node_port: the port on each node that leads to Envoy.
        crds: folder with the custom resource definitions of Contour and the Gateway API.
        replicas: how many Envoys run; of Contour, two are enough for any number of them.
        pool: name of the pool whose nodes it runs on; any node without.
        tracing: where Envoy's spans go; nowhere without.
    """

    environment: str
    contour_image: pulumi.Input[str]
    envoy_image: pulumi.Input[str]
    node_port: int
    crds: Path
    replicas: int = 1
    pool: str | None = None
    tracing: Tracing | None = None


class Gateway(pulumi.ComponentResource):
    """The way in, for all services of the stack.

    Attributes:
        name: of the Gateway object, to which routes attach.
        namespace: of the Gateway object.
        listener: the Gateway object itself; it is there before the pods that answer for it.
    """

    name: str
    namespace: pulumi.Output[str]
    listener: CustomResource

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:Gateway", name, None, opts)
        self.name = name
        child = pulumi.ResourceOptions(parent=self)
        contours = min(args.replicas, _ENOUGH_CONTOURS)
        node_selector = naming.node_labels(args.pool) if args.pool else None
        namespace = ClosedNamespace(
            naming.GATEWAY_NAMESPACE,
            ClosedNamespaceArgs(environment=args.environment, demand=_demand(contours + args.replicas)),
            opts=child,
        )
        self.namespace = namespace.name
        scope = Scope(environment=args.environment, namespace=namespace.name, parent=self)
        contour = Contour(
            "contour",
            ContourArgs(
                environment=args.environment,
                namespace=namespace.name,
                image=args.contour_image,
                gateway=name,
                crds=args.crds,
                replicas=contours,
                node_selector=node_selector,
                tracing=args.tracing,
            ),
            opts=child,
        )
        gateway_class = CustomResource(
            name,
            api_version=API_VERSION,
            kind="GatewayClass",
            metadata=ObjectMetaArgs(name=naming.PART_OF, labels=naming.labels(name, args.environment)),
            spec={"controllerName": _CONTROLLER},
            opts=pulumi.ResourceOptions(parent=self, depends_on=contour.definitions),
        )
        self.listener = CustomResource(
            f"{name}-listener",
            api_version=API_VERSION,
            kind="Gateway",
            metadata=scope.metadata(name),
            spec={
                "gatewayClassName": naming.PART_OF,
                "listeners": [
                    {
                        "name": "http",
                        "protocol": "HTTP",
                        "port": LISTENER_PORT,
                        "allowedRoutes": {
                            "namespaces": {
                                "from": "Selector",
                                "selector": {"matchLabels": {naming.ENVIRONMENT_LABEL: args.environment}},
                            }
                        },
                    }
                ],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway_class]),
        )
        Envoy(
            "envoy",
            EnvoyArgs(
                environment=args.environment,
                namespace=namespace.name,
                image=args.envoy_image,
                contour_image=args.contour_image,
                node_port=args.node_port,
                replicas=args.replicas,
                node_selector=node_selector,
            ),
            # Envoy is ready only once Contour has sent it a listener.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*contour.ready, self.listener]),
        )
        self._allow_traffic(scope, traced=args.tracing is not None)
        self.register_outputs({"name": name, "namespace": self.namespace})

    def _allow_traffic(self, scope: Scope, *, traced: bool) -> None:
        """World to Envoy, Envoy to Contour, services and collector, Contour and the Job to the API server."""
        contour, envoy, certificate_job = (pods_of(name) for name in ("contour", "envoy", JOB))
        xds = traffic.ports(XDS_PORT)
        services = traffic.all_pods(naming.SERVICES_NAMESPACE)
        traffic.allow(
            scope,
            "envoy",
            envoy,
            ingress=[
                NetworkPolicyIngressRuleArgs(ports=traffic.ports(HTTP_PORT)),
                traffic.from_prometheus(ENVOY_METRICS_PORT),
            ],
            egress=[
                NetworkPolicyEgressRuleArgs(to=[NetworkPolicyPeerArgs(pod_selector=contour)], ports=xds),
                NetworkPolicyEgressRuleArgs(to=[services], ports=traffic.ports(SERVING_PORT)),
                *([traffic.to_collector()] if traced else []),
            ],
        )
        traffic.allow(
            scope,
            "contour",
            contour,
            ingress=[
                NetworkPolicyIngressRuleArgs(from_=[NetworkPolicyPeerArgs(pod_selector=envoy)], ports=xds),
                traffic.from_prometheus(CONTOUR_METRICS_PORT),
            ],
            egress=[traffic.to_api_server()],
        )
        traffic.allow(scope, JOB, certificate_job, ingress=[], egress=[traffic.to_api_server()])
