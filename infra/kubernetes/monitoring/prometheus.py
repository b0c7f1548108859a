"""Prometheus: it reads the metrics of all pods, keeps them, and judges the rules.

Its configuration and its rules are ConfigMaps that it watches: a changed objective needs no restart. A service that
comes or goes changes which of them the pod mounts, and so restarts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapProjectionArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    HTTPGetActionArgs,
    KeyToPathArgs,
    PersistentVolumeClaimArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ProjectedVolumeSourceArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeProjectionArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
)
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, traffic
from infra.kubernetes.monitoring import discovery
from infra.kubernetes.pods import (
    claim,
    container_security_context,
    field_variable,
    pod_security_context,
    small_resources,
    spread,
)
from infra.kubernetes.scope import Scope, pods_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from infra.settings import Monitoring

NAME: Final = "prometheus"
PORT: Final = 9090
DEMAND: Final = Demand(pods=1, cpu_millis=100, memory_mib=512)
"""Of one pod."""
RULES_KEY: Final = "rules.yaml"
"""The key of a ConfigMap under which its rules are."""
_CONFIGURATION: Final = "prometheus.yaml"
_FOLDER: Final = "/etc/prometheus"
_DATA: Final = "/prometheus"
_VOLUME: Final = "data"
# Without a volume of its own it has some of the node's disk.
_SCRATCH_MIB: Final = 2048
# The rest of the volume is for the log of what is not in blocks yet, and for blocks while they are merged.
_KEPT_PER_CENT: Final = 80
# After a crash it first reads its log again.
_MOST_SECONDS_TO_START: Final = 900


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """What Prometheus is made from.

    Attributes:
        image: digest reference.
        monitoring: how much it keeps, for how long, and how many run.
        configuration: of :mod:`infra.kubernetes.monitoring.discovery`.
        rules: the ConfigMaps that have :data:`RULES_KEY`, by the name of the file that it becomes, without suffix.
        namespaces: in which it finds pods, known once they are there.
        targets: the ports that it reads, by namespace.
        readers: who of the namespace may ask it, beside itself.
        pool: name of the pool whose nodes it runs on; any node without.
    """

    image: pulumi.Input[str]
    monitoring: Monitoring
    configuration: discovery.Configuration
    rules: Mapping[str, pulumi.Input[str]]
    namespaces: Mapping[str, pulumi.Input[str]]
    targets: Mapping[str, Sequence[int]]
    readers: Sequence[str]
    pool: str | None = None


def declare_prometheus(scope: Scope, args: PrometheusArgs) -> None:
    """Declare its account, rights, configuration, pods and Service, and whom it may talk to."""
    _allow_traffic(scope, args.targets, args.readers)
    account = access.account(scope, NAME)
    access.grant_in(scope, account, NAME, [access.may(access.READ, ["pods"])], namespaces=args.namespaces)
    configuration = ConfigMap(
        NAME,
        metadata=scope.metadata(NAME),
        data={_CONFIGURATION: yaml.safe_dump(args.configuration, sort_keys=False)},
        opts=scope.child(),
    )
    monitoring = args.monitoring
    security = pod_security_context()
    # Of a volume that was its own before it need not change the owner of each file, which takes minutes.
    security.fs_group_change_policy = "OnRootMismatch"
    StatefulSet(
        NAME,
        metadata=scope.metadata(NAME),
        spec=StatefulSetSpecArgs(
            service_name=NAME,
            replicas=monitoring.replicas,
            # Two of them know nothing of each other.
            pod_management_policy="Parallel",
            selector=pods_of(NAME),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=scope.labels(NAME)),
                spec=PodSpecArgs(
                    service_account_name=account.metadata.name,
                    automount_service_account_token=True,
                    enable_service_links=False,
                    node_selector=naming.node_labels(args.pool) if args.pool else None,
                    topology_spread_constraints=spread(pods_of(NAME)) if monitoring.replicas > 1 else None,
                    security_context=security,
                    containers=[_container(args)],
                    volumes=_volumes(configuration.metadata.name, args),
                ),
            ),
            volume_claim_templates=_claims(scope, monitoring.storage_gib),
        ),
        opts=scope.child(),
    )
    Service(
        NAME,
        metadata=scope.service_metadata(NAME),
        spec=ServiceSpecArgs(
            selector=naming.selector(NAME),
            # Two of them differ by the moments at which they read: who asks stays with one.
            session_affinity="ClientIP",
            ports=[ServicePortArgs(name="http", port=PORT, target_port="metrics")],
        ),
        opts=scope.child(),
    )
    if monitoring.replicas > 1:
        PodDisruptionBudget(
            NAME,
            metadata=scope.metadata(NAME),
            spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=pods_of(NAME)),
            opts=scope.child(),
        )


def _allow_traffic(scope: Scope, targets: Mapping[str, Sequence[int]], readers: Sequence[str]) -> None:
    """To what it reads and to the API server, which tells it of pods; from those who ask it."""
    asking = [NetworkPolicyPeerArgs(pod_selector=pods_of(name)) for name in (NAME, *readers)]
    reads = [
        NetworkPolicyEgressRuleArgs(to=[traffic.all_pods(namespace)], ports=traffic.ports(*numbers))
        for namespace, numbers in targets.items()
    ]
    traffic.allow(
        scope,
        NAME,
        pods_of(NAME),
        ingress=[NetworkPolicyIngressRuleArgs(from_=asking, ports=traffic.ports(PORT))],
        egress=[*reads, traffic.to_api_server()],
    )


def _container(args: PrometheusArgs) -> ContainerArgs:
    ready = HTTPGetActionArgs(path="/-/ready", port="metrics")
    return ContainerArgs(
        name=NAME,
        image=args.image,
        command=["/bin/prometheus"],
        args=[
            f"--config.file={_FOLDER}/{_CONFIGURATION}",
            "--enable-feature=auto-reload-config,exemplar-storage",
            "--config.auto-reload-interval=5s",
            f"--storage.tsdb.path={_DATA}",
            f"--storage.tsdb.retention.time={args.monitoring.retention_days}d",
            f"--storage.tsdb.retention.size={_kept_mib(args.monitoring.storage_gib)}MB",
            # How alerts name where they come from; nothing leads to it from outside.
            f"--web.external-url=http://{NAME}.{naming.MONITORING_NAMESPACE}.svc:{PORT}",
            "--log.format=json",
        ],
        # Its label of a pair; the configuration names the variable.
        env=[field_variable("POD_NAME", "metadata.name")],
        ports=[ContainerPortArgs(name="metrics", container_port=PORT)],
        startup_probe=ProbeArgs(http_get=ready, period_seconds=1, failure_threshold=_MOST_SECONDS_TO_START),
        readiness_probe=ProbeArgs(http_get=ready, period_seconds=5),
        liveness_probe=ProbeArgs(
            http_get=HTTPGetActionArgs(path="/-/healthy", port="metrics"), period_seconds=15, timeout_seconds=5
        ),
        resources=small_resources(
            cpu=f"{DEMAND.cpu_millis}m", memory=f"{DEMAND.memory_mib}Mi", memory_limit=f"{4 * DEMAND.memory_mib}Mi"
        ),
        security_context=container_security_context(),
        volume_mounts=[
            VolumeMountArgs(name="configuration", mount_path=_FOLDER, read_only=True),
            VolumeMountArgs(name=_VOLUME, mount_path=_DATA),
        ],
    )


def _kept_mib(storage_gib: int | None) -> int:
    whole = _SCRATCH_MIB if storage_gib is None else storage_gib * 1024
    return whole * _KEPT_PER_CENT // 100


def _volumes(configuration: pulumi.Input[str], args: PrometheusArgs) -> list[VolumeArgs]:
    # One volume, so that configuration and rules change at once.
    sources = [_file(configuration, _CONFIGURATION, _CONFIGURATION)]
    folder = discovery.RULES_FOLDER.removeprefix(f"{_FOLDER}/")
    sources += [_file(config_map, RULES_KEY, f"{folder}/{name}.yaml") for name, config_map in args.rules.items()]
    volumes = [VolumeArgs(name="configuration", projected=ProjectedVolumeSourceArgs(sources=sources))]
    if args.monitoring.storage_gib is None:
        scratch = EmptyDirVolumeSourceArgs(size_limit=f"{_SCRATCH_MIB}Mi")
        volumes.append(VolumeArgs(name=_VOLUME, empty_dir=scratch))
    return volumes


def _file(config_map: pulumi.Input[str], key: str, path: str) -> VolumeProjectionArgs:
    items = [KeyToPathArgs(key=key, path=path)]
    return VolumeProjectionArgs(config_map=ConfigMapProjectionArgs(name=config_map, items=items))


def _claims(scope: Scope, storage_gib: int | None) -> Sequence[PersistentVolumeClaimArgs] | None:
    """Of the cluster's default storage class. A set takes no other size later: see the runbook of VolumeFilling."""
    if storage_gib is None:
        return None
    return [claim(_VOLUME, labels=scope.labels(NAME), size=f"{storage_gib}Gi")]
