"""All that watches a stack, in one namespace: a table of contents of monitoring.

What is watched, and what is worth an alert, follows from the settings alone (:mod:`infra.slo`,
:mod:`infra.dashboards`). A changed objective changes ConfigMaps and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from infra import naming
from infra.capacity import Demand, total
from infra.kubernetes import autoscaler, contour, dcgm_exporter, envoy, serving_pod
from infra.kubernetes.monitoring import (
    alert_log,
    alertmanager,
    collector,
    discovery,
    grafana,
    kube_state_metrics,
    metrics_adapter,
    node_exporter,
    prometheus,
)
from infra.kubernetes.scope import Scope
from infra.receivers import URL_FIELD, volume
from infra.settings import EksCluster, EmbeddedCluster, LogReceiver
from infra.slo import exported, rendering

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.images import PlatformImages
    from infra.kubernetes.secrets_store import MountedSecret
    from infra.settings import Cluster, Settings

# Of a cluster that the stack does not make.
_MOST_NODES: Final = 100


@dataclass(frozen=True, kw_only=True)
class ReceiverSecrets:
    """Secrets of AWS that hold URLs of receivers.

    Attributes:
        arns: by receiver.
        region: where they are.
    """

    arns: Mapping[str, str]
    region: str


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """What monitoring is made from.

    Attributes:
        settings: the stack's.
        environment: the stack.
        images: the platform's.
        namespaces: those of :func:`infra.kubernetes.monitoring.discovery.namespaces`, known once they are there.
        secrets: of receivers, where they are in AWS; None: they are Secrets of Kubernetes.
        pool: name of the pool whose nodes it runs on; any node without.
    """

    settings: Settings
    environment: str
    images: PlatformImages
    namespaces: Mapping[str, pulumi.Input[str]]
    secrets: ReceiverSecrets | None = None
    pool: str | None = None


def demand(settings: Settings) -> Demand:
    """What all its pods ask for together, and one more of each part that is rolled out before the old one goes."""
    pair, nodes = settings.monitoring.replicas, _most_nodes(settings)
    return total(
        (
            (prometheus.DEMAND + alertmanager.DEMAND) * pair,
            alert_log.DEMAND * 2,
            collector.DEMAND * (pair + 1),
            kube_state_metrics.DEMAND * 2,
            node_exporter.DEMAND * (nodes + 1),
            grafana.DEMAND,
            metrics_adapter.DEMAND * (2 if metrics_adapter.is_wanted(settings) else 0),
        )
    )


def _most_nodes(settings: Settings) -> int:
    if isinstance(settings.cluster, EmbeddedCluster):
        return 1
    if isinstance(settings.cluster, EksCluster):
        return settings.cluster.system_nodes.max + sum(pool.nodes.max for pool in settings.pools if pool.nodes)
    return _MOST_NODES


class Monitoring(pulumi.ComponentResource):
    """Prometheus, Alertmanager, Grafana, the exporters, the collector, and what they go by."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:Monitoring", name, None, opts)
        self._args = args
        self._scope = Scope(
            environment=args.environment, namespace=args.namespaces[naming.MONITORING_NAMESPACE], parent=self
        )
        scope, images = self._scope, args.images
        monitoring = args.settings.monitoring
        prometheus.declare_prometheus(
            scope,
            prometheus.PrometheusArgs(
                image=images.prometheus,
                monitoring=monitoring,
                configuration=discovery.configuration(args.settings, environment=args.environment),
                rules=self._rules(),
                namespaces=args.namespaces,
                targets=_targets(args.settings.cluster),
                readers=("grafana", *([metrics_adapter.NAME] if metrics_adapter.is_wanted(args.settings) else [])),
                pool=args.pool,
            ),
        )
        aws = args.settings.aws
        alertmanager.declare_alertmanager(
            scope,
            alertmanager.AlertmanagerArgs(
                image=images.alertmanager,
                monitoring=monitoring,
                configuration=rendering.alertmanager_files(args.settings)[rendering.ALERTMANAGER],
                inside=(aws.network.cidr, aws.network.services_cidr) if aws else (),
                secrets=self._secrets(),
                pool=args.pool,
            ),
        )
        if any(isinstance(receiver, LogReceiver) for receiver in monitoring.receivers):
            alert_log.declare_alert_log(scope, image=images.base, pool=args.pool)
        kube_state_metrics.declare_kube_state_metrics(
            scope,
            image=images.kube_state_metrics,
            metrics=exported.KUBE_STATE_METRICS,
            pool=args.pool,
        )
        node_exporter.declare_node_exporter(scope, image=images.node_exporter)
        collector.declare_collector(
            scope,
            image=images.collector,
            traces=monitoring.traces,
            replicas=monitoring.replicas,
            pool=args.pool,
        )
        if images.prometheus_adapter is not None and metrics_adapter.is_wanted(args.settings):
            metrics_adapter.declare_metrics_adapter(
                scope,
                metrics_adapter.MetricsAdapterArgs(
                    image=images.prometheus_adapter,
                    services=args.namespaces[naming.SERVICES_NAMESPACE],
                    control_plane=(aws.network.cidr,) if aws else (),
                    pool=args.pool,
                ),
            )
        dashboards = self._dashboards()
        if images.grafana is not None:
            grafana.declare_grafana(scope, image=images.grafana, dashboards=dashboards, pool=args.pool)
        self.register_outputs({})

    def _rules(self) -> dict[str, pulumi.Input[str]]:
        """The ConfigMaps with rules, digests of their tests and, of a service, what a canary of it is judged by."""
        settings = self._args.settings
        names = dict[str, pulumi.Input[str]]()
        for service in settings.services:
            name = rendering.objective_name(service.name)
            files = rendering.objective_files(service, settings.monitoring)
            names[name] = self._config_map(name, rendering.kept(files))
        files = rendering.platform_files(settings)
        names[rendering.PLATFORM] = self._config_map(rendering.PLATFORM, rendering.kept(files))
        return names

    def _dashboards(self) -> Sequence[pulumi.Input[str]]:
        # Imported here: Grafana's models take a while to load.
        from infra.dashboards import dashboards  # noqa: PLC0415

        return [
            self._config_map(
                f"dashboards-{file.removesuffix('.json')}", {file: json.dumps(board, separators=(",", ":"))}
            )
            for file, board in dashboards(self._args.settings).items()
        ]

    def _config_map(self, name: str, files: Mapping[str, str]) -> pulumi.Output[str]:
        scope = self._scope
        return ConfigMap(name, metadata=scope.metadata(name), data=files, opts=scope.child()).metadata.name

    def _secrets(self) -> dict[str, MountedSecret]:
        if self._args.secrets is None:
            return {}
        from infra.kubernetes.secrets_store import SecretFiles, SecretFilesArgs  # noqa: PLC0415  # as in platform.py

        return {
            receiver: SecretFiles(
                volume(receiver),
                SecretFilesArgs(
                    environment=self._args.environment,
                    namespace=self._scope.namespace,
                    secret_arn=arn,
                    fields=(URL_FIELD,),
                    region=self._args.secrets.region,
                ),
                opts=self._scope.child(),
            ).mounted
            for receiver, arn in self._args.secrets.arns.items()
        }


def _targets(cluster: Cluster) -> dict[str, Sequence[int]]:
    """The ports that Prometheus reads, by namespace."""
    targets: dict[str, Sequence[int]] = {
        naming.SERVICES_NAMESPACE: (serving_pod.PORT,),
        naming.GATEWAY_NAMESPACE: (contour.METRICS_PORT, envoy.METRICS_PORT),
        naming.MONITORING_NAMESPACE: (
            prometheus.PORT,
            alertmanager.PORT,
            collector.METRICS_PORT,
            kube_state_metrics.METRICS_PORT,
            node_exporter.METRICS_PORT,
        ),
    }
    if isinstance(cluster, EksCluster):
        targets[naming.GPU_NAMESPACE] = (dcgm_exporter.METRICS_PORT,)
        targets[naming.SYSTEM_NAMESPACE] = (autoscaler.METRICS_PORT,)
    return targets
