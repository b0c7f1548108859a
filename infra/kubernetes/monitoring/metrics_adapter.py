"""prometheus-adapter: what Prometheus knows of serving pods, in the API by which Kubernetes scales.

It answers for one metric, of the pods of one namespace, and has no other right than to list those pods. The API server
passes questions on to it and knows it by a certificate of its own; it knows the API server by the cluster's
authentication of front proxies, and asks it who may ask for what.

Source: https://github.com/kubernetes-sigs/prometheus-adapter/blob/v0.12.0/docs/config.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml
from pulumi_kubernetes.apiregistration.v1 import APIService, APIServiceSpecArgs, ServiceReferenceArgs
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
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs, NetworkPolicyIngressRuleArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyPeerArgs as Peer
from pulumi_kubernetes.rbac.v1 import RoleBinding, RoleRefArgs, SubjectArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, autoscaling, traffic
from infra.kubernetes.monitoring import prometheus
from infra.kubernetes.monitoring.serving_certificate import CERTIFICATE, KEY, ServingCertificate, declare_certificate
from infra.kubernetes.pods import (
    configuration_annotation,
    container_security_context,
    pod_security_context,
    small_resources,
)
from infra.kubernetes.scope import pods_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi
    from pulumi_kubernetes.core.v1 import ServiceAccount

    from infra.kubernetes.scope import Scope
    from infra.settings import Settings

NAME: Final = "prometheus-adapter"
PORT: Final = 6443
DEMAND: Final = Demand(pods=1, cpu_millis=20, memory_mib=64)
"""Of one pod."""
GROUP, VERSION = "custom.metrics.k8s.io", "v1beta2"
_CONFIGURATION: Final = "adapter.yaml"
_FOLDER: Final = "/etc/prometheus-adapter"
_CERTIFICATES: Final = "/etc/serving-certificate"
# How long a mean is taken over: a request takes milliseconds, and a sample is of one moment.
_WINDOW: Final = "1m"


def is_wanted(settings: Settings) -> bool:
    """Whether a service of the stack is scaled."""
    return any(service.autoscaling is not None for service in settings.services)


def configuration() -> dict[str, Any]:
    """What it asks Prometheus for, of which objects, and what it calls that."""
    series = f'http_requests_active{{job="serving",namespace="{naming.SERVICES_NAMESPACE}"}}'
    # The question of Prometheus itself is one of the requests that a pod answers at that moment.
    busy = f"clamp_min(avg_over_time(<<.Series>>{{<<.LabelMatchers>>}}[{_WINDOW}]) - 1, 0)"
    return {
        "rules": [
            {
                "seriesQuery": series,
                "resources": {
                    "overrides": {kind: {"resource": kind} for kind in ("namespace", "pod", "service")},
                },
                "name": {"as": autoscaling.METRIC},
                "metricsQuery": f"sum by (<<.GroupBy>>) ({busy})",
            }
        ]
    }


@dataclass(frozen=True, kw_only=True)
class MetricsAdapterArgs:
    """What it is made from.

    Attributes:
        image: digest reference.
        services: the namespace of the services, known once it is there.
        control_plane: the ranges that the API server calls from; none: they are not known.
        pool: name of the pool whose nodes it runs on; any node without.
    """

    image: pulumi.Input[str]
    services: pulumi.Input[str]
    control_plane: Sequence[str] = ()
    pool: str | None = None


def declare_metrics_adapter(scope: Scope, args: MetricsAdapterArgs) -> None:
    """Declare its pod, its certificate, its rights, the API that it serves, and who may talk to it."""
    account = access.account(scope, NAME)
    granted = _grant(scope, account, args.services)
    _allow_traffic(scope, args.control_plane)
    certificate = declare_certificate(scope, f"{NAME}-certificate", host=f"{NAME}.{naming.MONITORING_NAMESPACE}.svc")
    text = yaml.safe_dump(configuration(), sort_keys=False)
    config_map = ConfigMap(NAME, metadata=scope.metadata(NAME), data={_CONFIGURATION: text}, opts=scope.child())
    deployment = Deployment(
        NAME,
        metadata=scope.metadata(NAME),
        spec=DeploymentSpecArgs(
            # While it is away, autoscalers leave all as it is.
            replicas=1,
            selector=pods_of(NAME),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(
                    labels=scope.labels(NAME),
                    annotations=certificate.authority.apply(lambda pem: configuration_annotation(text + pem)),
                ),
                spec=PodSpecArgs(
                    service_account_name=account.metadata.name,
                    automount_service_account_token=True,
                    enable_service_links=False,
                    node_selector=naming.node_labels(args.pool) if args.pool else None,
                    security_context=pod_security_context(),
                    containers=[_container(args.image)],
                    volumes=_volumes(config_map.metadata.name, certificate),
                ),
            ),
        ),
        opts=scope.child(after=granted),
    )
    service = Service(
        NAME,
        metadata=scope.service_metadata(NAME),
        spec=ServiceSpecArgs(
            selector=naming.selector(NAME), ports=[ServicePortArgs(name="https", port=443, target_port="https")]
        ),
        opts=scope.child(),
    )
    APIService(
        NAME,
        metadata=ObjectMetaArgs(name=f"{VERSION}.{GROUP}", labels=scope.labels(NAME)),
        spec=APIServiceSpecArgs(
            group=GROUP,
            version=VERSION,
            group_priority_minimum=100,
            version_priority=100,
            ca_bundle=certificate.authority,
            service=ServiceReferenceArgs(name=service.metadata.name, namespace=scope.namespace, port=443),
        ),
        # A group that nobody answers for makes discovery fail, and with it the deletion of namespaces.
        opts=scope.child(after=[deployment]),
    )


def _grant(scope: Scope, account: ServiceAccount, services: pulumi.Input[str]) -> list[pulumi.Resource]:
    """To list the pods that it is asked about, and to ask the API server who its callers are and what they may."""
    pods = access.grant_in(
        scope,
        account,
        NAME,
        [access.may(("list",), ("pods",))],
        namespaces={naming.SERVICES_NAMESPACE: services},
    )
    reviews = access.grant_everywhere(
        scope,
        account,
        f"{NAME}-reviews",
        [access.may(("create",), ("subjectaccessreviews",), group="authorization.k8s.io")],
    )
    proxies = RoleBinding(
        f"{NAME}-front-proxies",
        metadata=ObjectMetaArgs(name=f"{naming.PART_OF}-{NAME}", namespace="kube-system", labels=scope.labels(NAME)),
        # The role is every cluster's own: the ConfigMap by which the API server is known, and nothing else.
        role_ref=RoleRefArgs(
            api_group="rbac.authorization.k8s.io", kind="Role", name="extension-apiserver-authentication-reader"
        ),
        subjects=[SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=scope.namespace)],
        opts=scope.child(),
    )
    return [*pods, reviews, proxies]


def _allow_traffic(scope: Scope, control_plane: Sequence[str]) -> None:
    """From the API server, whose addresses no selector matches; to it, and to Prometheus."""
    callers = [traffic.addresses(cidr) for cidr in control_plane]
    to_prometheus = NetworkPolicyEgressRuleArgs(
        to=[Peer(pod_selector=pods_of(prometheus.NAME))], ports=traffic.ports(prometheus.PORT)
    )
    traffic.allow(
        scope,
        NAME,
        pods_of(NAME),
        ingress=[NetworkPolicyIngressRuleArgs(from_=callers or None, ports=traffic.ports(PORT))],
        egress=[to_prometheus, traffic.to_api_server()],
    )


def _container(image: pulumi.Input[str]) -> ContainerArgs:
    alive, ready = (HTTPGetActionArgs(path=path, port="https", scheme="HTTPS") for path in ("/livez", "/readyz"))
    return ContainerArgs(
        name=NAME,
        image=image,
        args=[
            f"--secure-port={PORT}",
            f"--tls-cert-file={_CERTIFICATES}/{CERTIFICATE}",
            f"--tls-private-key-file={_CERTIFICATES}/{KEY}",
            "--tls-min-version=VersionTLS12",
            f"--prometheus-url=http://{prometheus.NAME}.{naming.MONITORING_NAMESPACE}.svc:{prometheus.PORT}/",
            f"--config={_FOLDER}/{_CONFIGURATION}",
            # What metrics there are does not change; at the start Prometheus may not have seen a pod yet.
            "--metrics-relist-interval=30s",
            "--metrics-max-age=10m",
        ],
        ports=[ContainerPortArgs(name="https", container_port=PORT)],
        startup_probe=ProbeArgs(http_get=alive, period_seconds=1, failure_threshold=60),
        readiness_probe=ProbeArgs(http_get=ready, period_seconds=5),
        liveness_probe=ProbeArgs(http_get=alive, period_seconds=15, timeout_seconds=5),
        resources=small_resources(
            cpu=f"{DEMAND.cpu_millis}m", memory=f"{DEMAND.memory_mib}Mi", memory_limit=f"{4 * DEMAND.memory_mib}Mi"
        ),
        security_context=container_security_context(),
        volume_mounts=[
            VolumeMountArgs(name="configuration", mount_path=_FOLDER, read_only=True),
            VolumeMountArgs(name="certificate", mount_path=_CERTIFICATES, read_only=True),
        ],
    )


def _volumes(configuration_map: pulumi.Input[str], certificate: ServingCertificate) -> list[VolumeArgs]:
    return [
        VolumeArgs(name="configuration", config_map=ConfigMapVolumeSourceArgs(name=configuration_map)),
        # Readable for the pod's group alone.
        VolumeArgs(
            name="certificate", secret=SecretVolumeSourceArgs(secret_name=certificate.secret, default_mode=0o440)
        ),
    ]
