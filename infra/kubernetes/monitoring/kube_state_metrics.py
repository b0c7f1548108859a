"""kube-state-metrics: what Kubernetes says of pods, nodes and workloads, as metrics.

It watches the kinds alone of which a rule or a panel has a metric, and gives out those metrics alone: of a large
cluster all of them would be more than everything else that Prometheus keeps. It watches all namespaces: told of some,
it would read nodes, which are in none, once for each of them, and give out each series of a node so many times.
Source: https://github.com/kubernetes/kube-state-metrics/blob/v2.15.0/docs/developer/cli-arguments.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, traffic
from infra.kubernetes.pods import container_security_context, pod_security_context, small_resources
from infra.kubernetes.scope import pods_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pulumi
    from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

    from infra.kubernetes.scope import Scope

NAME: Final = "kube-state-metrics"
METRICS_PORT: Final = 8080
DEMAND: Final = Demand(pods=1, cpu_millis=20, memory_mib=64)
"""Of one pod."""
# Its own metrics, and whether it has seen anything yet.
_TELEMETRY_PORT: Final = 8081
_WATCH: Final = ("list", "watch")
# Of all labels: of pods the one that rules name a version by, of nodes the one that panels name a pool by.
_LABELS: Final = f"nodes=[{naming.POOL_LABEL}],pods=[app.kubernetes.io/version]"


@dataclass(frozen=True)
class _Kind:
    """A kind of objects, in the plural of the API, and its API group."""

    plural: str
    group: str = ""


# By the second word of a metric's name: kube_pod_status_phase is of pods.
_KINDS: Final[Mapping[str, _Kind]] = {
    "daemonset": _Kind("daemonsets", "apps"),
    "deployment": _Kind("deployments", "apps"),
    "job": _Kind("jobs", "batch"),
    "node": _Kind("nodes"),
    "persistentvolumeclaim": _Kind("persistentvolumeclaims"),
    "pod": _Kind("pods"),
    "statefulset": _Kind("statefulsets", "apps"),
}


def flags(metrics: Collection[str]) -> list[str]:
    """What kube-state-metrics is started with, so that it exports these metrics and no others.

    Raises:
        ValueError: a metric is of a kind that is not watched.
    """
    # Anchored: an entry of the list is a regular expression, which else allows every name that it occurs in.
    allowed = ",".join(f"^{name}$" for name in sorted(metrics))
    return [
        f"--port={METRICS_PORT}",
        f"--telemetry-port={_TELEMETRY_PORT}",
        f"--resources={','.join(kind.plural for kind in _kinds(metrics))}",
        f"--metric-allowlist={allowed}",
        f"--metric-labels-allowlist={_LABELS}",
    ]


def rights(metrics: Collection[str]) -> list[PolicyRuleArgs]:
    """What it may do with the Kubernetes API: watch the kinds that these metrics are of."""
    kinds = _kinds(metrics)
    groups = sorted({kind.group for kind in kinds})
    return [access.may(_WATCH, [kind.plural for kind in kinds if kind.group == group], group=group) for group in groups]


def _kinds(metrics: Collection[str]) -> list[_Kind]:
    words = {name.removeprefix("kube_").partition("_")[0] for name in metrics}
    if unknown := sorted(words - _KINDS.keys()):
        raise ValueError(f"no kind is known that kube_{unknown[0]}_… is of; known: {', '.join(_KINDS)}")
    return [_KINDS[word] for word in sorted(words)]


def declare_kube_state_metrics(
    scope: Scope,
    *,
    image: pulumi.Input[str],
    metrics: Collection[str],
    pool: str | None = None,
) -> None:
    """Declare its Deployment, its rights and who may talk to it.

    Args:
        scope: of the component.
        image: digest reference.
        metrics: names of those that are used.
        pool: name of the pool whose nodes it runs on; any node without.
    """
    account = access.account(scope, NAME)
    granted = access.grant_everywhere(scope, account, NAME, rights(metrics))
    traffic.allow(
        scope,
        NAME,
        pods_of(NAME),
        ingress=[traffic.from_prometheus(METRICS_PORT)],
        egress=[traffic.to_api_server()],
    )
    Deployment(
        NAME,
        metadata=scope.metadata(NAME),
        spec=DeploymentSpecArgs(
            replicas=1,
            selector=pods_of(NAME),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=scope.labels(NAME)),
                spec=PodSpecArgs(
                    service_account_name=account.metadata.name,
                    automount_service_account_token=True,
                    enable_service_links=False,
                    node_selector=naming.node_labels(pool) if pool else None,
                    security_context=pod_security_context(),
                    containers=[_container(image, flags(metrics))],
                ),
            ),
        ),
        opts=scope.child(after=[granted]),
    )


def _container(image: pulumi.Input[str], arguments: list[str]) -> ContainerArgs:
    # Not /livez, which asks the API server: while that is away, to start again helps nobody.
    alive = HTTPGetActionArgs(path="/healthz", port="metrics")
    ready = HTTPGetActionArgs(path="/readyz", port="telemetry")
    return ContainerArgs(
        name=NAME,
        image=image,
        args=list(arguments),
        ports=[
            ContainerPortArgs(name="metrics", container_port=METRICS_PORT),
            ContainerPortArgs(name="telemetry", container_port=_TELEMETRY_PORT),
        ],
        startup_probe=ProbeArgs(http_get=alive, period_seconds=1, failure_threshold=60),
        readiness_probe=ProbeArgs(http_get=ready, period_seconds=5),
        liveness_probe=ProbeArgs(http_get=alive, period_seconds=10),
        resources=small_resources(cpu="20m", memory="64Mi", memory_limit="256Mi"),
        security_context=container_security_context(),
    )
