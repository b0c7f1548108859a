"""The OpenTelemetry collector: spans of the gateway and of serving pods come in, and go where the stack says.

Source: https://opentelemetry.io/docs/collector/configuration/ and the components' own READMEs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
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
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs, NetworkPolicyIngressRuleArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, traffic
from infra.kubernetes.pods import (
    configuration_annotation,
    container_security_context,
    pod_security_context,
    small_resources,
    spread,
)
from infra.kubernetes.scope import pods_of

if TYPE_CHECKING:
    import pulumi

    from infra.kubernetes.scope import Scope
    from infra.settings.monitoring import Traces

# The Service too, by which serving pods and Envoy find it.
NAME: Final = "collector"
METRICS_PORT: Final = 8888
DEMAND: Final = Demand(pods=1, cpu_millis=50, memory_mib=96)
"""Of one pod."""
_HEALTH_PORT: Final = 13133
# Counters end in _total, which is not its default, so that they are called so in whatever format they are read.
_PROMETHEUS: Final = {"host": "0.0.0.0", "port": METRICS_PORT, "without_type_suffix": False}  # noqa: S104  # in a pod
_CONFIGURATION: Final = "/etc/collector"
_TRACES: Final = "/var/lib/collector"
_MEMORY_LIMIT_MIB: Final = 256
_TRACES_MIB: Final = 64


def configuration(endpoint: str | None) -> dict[str, Any]:
    """The collector's configuration.

    Args:
        endpoint: host:port that takes OTLP over gRPC and TLS; None: spans go into a file.
    """
    exporter = _otlp(endpoint) if endpoint else _file()
    return {
        "extensions": {"health_check": {"endpoint": f"0.0.0.0:{_HEALTH_PORT}"}},
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"0.0.0.0:{traffic.OTLP_PORT}"}}}},
        "processors": {
            # First, so that what comes in faster than it goes out is refused, and never kills the collector.
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 25},
            "batch": {"timeout": "1s", "send_batch_size": 512, "send_batch_max_size": 2048},
        },
        "exporters": exporter,
        "service": {
            "extensions": ["health_check"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "batch"],
                    "exporters": list(exporter),
                }
            },
            "telemetry": {
                "logs": {"encoding": "json"},
                "metrics": {"readers": [{"pull": {"exporter": {"prometheus": _PROMETHEUS}}}]},
            },
        },
    }


def _file() -> dict[str, Any]:
    # Newer spans replace older ones: the rotated files fill the volume by half at most.
    rotation = {"max_megabytes": _TRACES_MIB // 8, "max_backups": 3}
    return {"file": {"path": f"{_TRACES}/traces.json", "rotation": rotation}}


def _otlp(endpoint: str) -> dict[str, Any]:
    return {
        "otlp": {
            "endpoint": endpoint,
            "compression": "gzip",
            # An endpoint that is away for longer loses spans; the alert SpansDropped says so.
            "retry_on_failure": {"initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": "300s"},
            "sending_queue": {"queue_size": 1000},
        }
    }


def declare_collector(
    scope: Scope,
    *,
    image: pulumi.Input[str],
    traces: Traces,
    replicas: int = 1,
    pool: str | None = None,
) -> None:
    """Declare its Deployment, its Service and who may talk to it.

    Args:
        scope: of the component.
        image: digest reference.
        traces: where spans go.
        replicas: how many run.
        pool: name of the pool whose nodes it runs on; any node without.
    """
    text = yaml.safe_dump(configuration(traces.endpoint), sort_keys=False)
    settings = ConfigMap(NAME, metadata=scope.metadata(NAME), data={"collector.yaml": text}, opts=scope.child())
    _allow_traffic(scope, traces.endpoint)
    Deployment(
        NAME,
        metadata=scope.metadata(NAME),
        spec=DeploymentSpecArgs(
            replicas=replicas,
            selector=pods_of(NAME),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=scope.labels(NAME), annotations=configuration_annotation(text)),
                spec=PodSpecArgs(
                    service_account_name=access.account(scope, NAME).metadata.name,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    node_selector=naming.node_labels(pool) if pool else None,
                    topology_spread_constraints=spread(pods_of(NAME)) if replicas > 1 else None,
                    security_context=pod_security_context(),
                    containers=[_container(image)],
                    volumes=[
                        VolumeArgs(
                            name="configuration", config_map=ConfigMapVolumeSourceArgs(name=settings.metadata.name)
                        ),
                        VolumeArgs(name="traces", empty_dir=EmptyDirVolumeSourceArgs(size_limit=f"{_TRACES_MIB}Mi")),
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
            selector=naming.selector(NAME),
            ports=[ServicePortArgs(name="otlp", port=traffic.OTLP_PORT, target_port="otlp")],
        ),
        opts=scope.child(),
    )


def _allow_traffic(scope: Scope, endpoint: str | None) -> None:
    """Spans from serving pods and Envoy, metrics to Prometheus, and out to the endpoint alone."""
    serving = LabelSelectorArgs(
        match_expressions=[LabelSelectorRequirementArgs(key=naming.SERVICE_LABEL, operator="Exists")]
    )
    senders = [
        traffic.pods(serving, namespace=naming.SERVICES_NAMESPACE),
        traffic.pods(pods_of("envoy"), namespace=naming.GATEWAY_NAMESPACE),
    ]
    traffic.allow(
        scope,
        NAME,
        pods_of(NAME),
        ingress=[
            NetworkPolicyIngressRuleArgs(from_=senders, ports=traffic.ports(traffic.OTLP_PORT)),
            traffic.from_prometheus(METRICS_PORT),
        ],
        # The endpoint is known by name, and its addresses to DNS alone: what can be said is the port.
        egress=[NetworkPolicyEgressRuleArgs(ports=traffic.ports(int(endpoint.rpartition(":")[2])))]
        if endpoint
        else None,
    )


def _container(image: pulumi.Input[str]) -> ContainerArgs:
    health = HTTPGetActionArgs(path="/", port="health")
    return ContainerArgs(
        name=NAME,
        image=image,
        args=[f"--config={_CONFIGURATION}/collector.yaml"],
        # The garbage collector works harder before the limit is near.
        env=[EnvVarArgs(name="GOMEMLIMIT", value=f"{_MEMORY_LIMIT_MIB * 4 // 5}MiB")],
        ports=[
            ContainerPortArgs(name="otlp", container_port=traffic.OTLP_PORT),
            ContainerPortArgs(name="metrics", container_port=METRICS_PORT),
            ContainerPortArgs(name="health", container_port=_HEALTH_PORT),
        ],
        startup_probe=ProbeArgs(http_get=health, period_seconds=1, failure_threshold=60),
        readiness_probe=ProbeArgs(http_get=health, period_seconds=5),
        liveness_probe=ProbeArgs(http_get=health, period_seconds=10),
        resources=small_resources(cpu="50m", memory="96Mi", memory_limit=f"{_MEMORY_LIMIT_MIB}Mi"),
        security_context=container_security_context(),
        volume_mounts=[
            VolumeMountArgs(name="configuration", mount_path=_CONFIGURATION, read_only=True),
            VolumeMountArgs(name="traces", mount_path=_TRACES),
        ],
    )
