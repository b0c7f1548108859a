"""The shadow: a pod that gets mirrored requests, asks stable and candidate the same texts and compares their answers.

The gateway drops its answers. It asks the slots by their Services and not through the gateway, so that nothing is
mirrored twice; and it is no pod of the service, so that it gets none of the service's requests, rights or alerts.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
)

from infra import capacity, naming, routing
from infra.kubernetes import access, traffic
from infra.kubernetes.pods import container_security_context, pod_security_context
from infra.kubernetes.scope import Scope, pods_of
from infra.kubernetes.serving_pod import PORT


@dataclass(frozen=True, kw_only=True)
class ShadowArgs:
    """What a shadow is made from.

    Attributes:
        environment: the stack.
        namespace: where the service's pods run.
        image: digest reference of a serving image, whose model is not used.
        stable: the Kubernetes Service of the slot that is compared with.
        candidate: that of the slot that is compared.
    """

    environment: str
    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    stable: pulumi.Input[str]
    candidate: pulumi.Input[str]


class Shadow(pulumi.ComponentResource):
    """The shadow of one service.

    Attributes:
        service_name: name of the Kubernetes Service to which requests are mirrored.
    """

    service_name: pulumi.Output[str]

    def __init__(self, service: str, args: ShadowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        name = naming.slot_name(service, routing.SHADOW)
        super().__init__("inferstack:kubernetes:Shadow", name, None, opts)
        self._args = args
        self._name = name
        scope = Scope(environment=args.environment, namespace=args.namespace, parent=self)
        labels = {**scope.labels(name), naming.SHADOW_LABEL: service}
        account = access.account(scope, name)
        kubernetes_service = Service(
            name,
            metadata=scope.service_metadata(name),
            spec=ServiceSpecArgs(
                selector=naming.selector(name),
                ports=[ServicePortArgs(name="http", port=PORT, target_port="http")],
            ),
            opts=scope.child(),
        )
        Deployment(
            name,
            # No update waits for its pod: what only watches holds up no release, least of all the way back.
            metadata=scope.service_metadata(name),
            spec=DeploymentSpecArgs(
                replicas=1,
                selector=pods_of(name),
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=labels),
                    spec=PodSpecArgs(
                        service_account_name=account.metadata.name,
                        automount_service_account_token=False,
                        enable_service_links=False,
                        security_context=pod_security_context(),
                        containers=[self._container()],
                        volumes=[VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit="16Mi"))],
                    ),
                ),
            ),
            opts=scope.child(after=[kubernetes_service]),
        )
        self._allow_traffic(scope, service)
        self.service_name = kubernetes_service.metadata.name
        self.register_outputs({"service_name": self.service_name})

    def _container(self) -> ContainerArgs:
        args = self._args
        environment: dict[str, pulumi.Input[str]] = {
            "SHADOW_STABLE_URL": pulumi.Output.format("http://{0}:{1}", args.stable, PORT),
            "SHADOW_CANDIDATE_URL": pulumi.Output.format("http://{0}:{1}", args.candidate, PORT),
            "SHADOW_PORT": str(PORT),
        }
        return ContainerArgs(
            name="shadow",
            image=args.image,
            command=["python3", "-m", "serving.shadow"],
            env=[EnvVarArgs(name=key, value=value) for key, value in environment.items()],
            ports=[ContainerPortArgs(name="http", container_port=PORT)],
            startup_probe=_probe("/readyz", period=1, failures=60),
            readiness_probe=_probe("/readyz", period=5, failures=2),
            liveness_probe=_probe("/livez", period=10, failures=3),
            resources=ResourceRequirementsArgs(
                requests={"cpu": f"{capacity.SHADOW.cpu_millis}m", "memory": f"{capacity.SHADOW.memory_mib}Mi"},
                limits={"cpu": "1", "memory": f"{capacity.SHADOW.memory_mib}Mi"},
            ),
            security_context=container_security_context(),
            volume_mounts=[VolumeMountArgs(name="tmp", mount_path="/tmp")],  # noqa: S108  # a volume of the pod's own
        )

    def _allow_traffic(self, scope: Scope, service: str) -> None:
        """Envoy to the shadow, the shadow to the pods of its service, Prometheus to the shadow."""
        of_service = LabelSelectorArgs(match_labels={naming.SERVICE_LABEL: service})
        envoy = traffic.pods(pods_of("envoy"), namespace=naming.GATEWAY_NAMESPACE)
        slots = NetworkPolicyPeerArgs(pod_selector=of_service)
        traffic.allow(
            scope,
            self._name,
            pods_of(self._name),
            ingress=[
                NetworkPolicyIngressRuleArgs(from_=[envoy], ports=traffic.ports(PORT)),
                traffic.from_prometheus(PORT),
            ],
            egress=[NetworkPolicyEgressRuleArgs(to=[slots], ports=traffic.ports(PORT))],
        )
        traffic.allow(
            scope,
            f"{service}-from-{routing.SHADOW}",
            of_service,
            ingress=[
                NetworkPolicyIngressRuleArgs(
                    from_=[NetworkPolicyPeerArgs(pod_selector=pods_of(self._name))], ports=traffic.ports(PORT)
                )
            ],
        )


def _probe(path: str, *, period: int, failures: int) -> ProbeArgs:
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port="http"),
        period_seconds=period,
        timeout_seconds=2,
        failure_threshold=failures,
    )
