"""Alertmanager: it groups alerts, leaves out what others explain, and tells who is to know.

Two of them agree by gossip on who has told whom. The URLs of receivers are secrets: it reads them from files at each
notification, so that a changed one needs no restart. A changed route does: Alertmanager does not watch its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    HTTPGetActionArgs,
    KeyToPathArgs,
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
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
)
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra import naming, receivers
from infra.capacity import Demand
from infra.kubernetes import access, traffic
from infra.kubernetes.pods import (
    claim,
    configuration_annotation,
    container_security_context,
    field_variable,
    pod_security_context,
    small_resources,
    spread,
)
from infra.kubernetes.scope import Scope, pods_of
from infra.settings import LogReceiver, WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pulumi

    from infra.kubernetes.secrets_store import MountedSecret
    from infra.settings import Monitoring

# The service account too, which has a role in AWS by pod identity.
NAME: Final = "alertmanager"
PORT: Final = 9093
GOSSIP_PORT: Final = 9094
DEMAND: Final = Demand(pods=1, cpu_millis=20, memory_mib=64)
"""Of one pod."""
_CONFIGURATION: Final = "alertmanager.yaml"
_FOLDER: Final = "/etc/alertmanager"
_DATA: Final = "/alertmanager"
_VOLUME: Final = "data"
# Silences, and what was told to whom: kilobytes.
_SCRATCH: Final = "64Mi"
_STORAGE: Final = "1Gi"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """What Alertmanager is made from.

    Attributes:
        image: digest reference.
        monitoring: the receivers, and how many run.
        configuration: the text of its configuration file.
        inside: ranges of addresses in which no receiver is whose URL is a secret.
        secrets: of receivers, by name, where they come from a cloud; elsewhere they are Secrets of Kubernetes.
        pool: name of the pool whose nodes it runs on; any node without.
    """

    image: pulumi.Input[str]
    monitoring: Monitoring
    configuration: str
    inside: Sequence[str]
    secrets: Mapping[str, MountedSecret]
    pool: str | None = None


def declare_alertmanager(scope: Scope, args: AlertmanagerArgs) -> None:
    """Declare its account, configuration, pods and Service, and whom it may talk to."""
    _allow_traffic(scope, args)
    configuration = ConfigMap(
        NAME, metadata=scope.metadata(NAME), data={_CONFIGURATION: args.configuration}, opts=scope.child()
    )
    replicas = args.monitoring.replicas
    StatefulSet(
        NAME,
        metadata=scope.metadata(NAME),
        spec=StatefulSetSpecArgs(
            service_name=NAME,
            replicas=replicas,
            # They look for each other while they start.
            pod_management_policy="Parallel",
            selector=pods_of(NAME),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(
                    labels=scope.labels(NAME),
                    annotations=configuration_annotation(args.configuration),
                ),
                spec=PodSpecArgs(
                    service_account_name=access.account(scope, NAME).metadata.name,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    node_selector=naming.node_labels(args.pool) if args.pool else None,
                    topology_spread_constraints=spread(pods_of(NAME)) if replicas > 1 else None,
                    security_context=pod_security_context(),
                    containers=[_container(args)],
                    volumes=_volumes(configuration.metadata.name, args),
                ),
            ),
            volume_claim_templates=[claim(_VOLUME, labels=scope.labels(NAME), size=_STORAGE)]
            if args.monitoring.storage_gib
            else None,
        ),
        opts=scope.child(),
    )
    Service(
        NAME,
        metadata=scope.service_metadata(NAME),
        spec=ServiceSpecArgs(
            # Each pod has a name of its own, which the other finds before it is ready.
            cluster_ip="None",
            publish_not_ready_addresses=True,
            selector=naming.selector(NAME),
            ports=[ServicePortArgs(name="http", port=PORT, target_port="metrics")],
        ),
        opts=scope.child(),
    )
    if replicas > 1:
        PodDisruptionBudget(
            NAME,
            metadata=scope.metadata(NAME),
            spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=pods_of(NAME)),
            opts=scope.child(),
        )


def _allow_traffic(scope: Scope, args: AlertmanagerArgs) -> None:
    """From Prometheus, to receivers, and between the two of a pair."""
    itself = NetworkPolicyPeerArgs(pod_selector=pods_of(NAME))
    # It asks by TCP and gossips by UDP.
    gossip = [NetworkPolicyPortArgs(port=GOSSIP_PORT, protocol=protocol) for protocol in ("TCP", "UDP")]
    pair = args.monitoring.replicas > 1
    traffic.allow(
        scope,
        NAME,
        pods_of(NAME),
        ingress=[
            traffic.from_prometheus(PORT),
            *([NetworkPolicyIngressRuleArgs(from_=[itself], ports=gossip)] if pair else []),
        ],
        egress=[
            *_to_receivers(args),
            *([NetworkPolicyEgressRuleArgs(to=[itself], ports=gossip)] if pair else []),
        ],
    )


def _to_receivers(args: AlertmanagerArgs) -> Iterator[NetworkPolicyEgressRuleArgs]:
    """To the port of a URL; a URL that is secret is of a service elsewhere that speaks HTTPS."""
    if any(isinstance(receiver, LogReceiver) for receiver in args.monitoring.receivers):
        log = NetworkPolicyPeerArgs(pod_selector=pods_of(receivers.ALERT_LOG))
        yield NetworkPolicyEgressRuleArgs(to=[log], ports=traffic.ports(receivers.ALERT_LOG_PORT))
    if secrets(args.monitoring):
        elsewhere = traffic.addresses(traffic.ANYWHERE, but=args.inside)
        yield NetworkPolicyEgressRuleArgs(to=[elsewhere], ports=traffic.ports(443))
    urls = [
        urlsplit(receiver.url)
        for receiver in args.monitoring.receivers
        if isinstance(receiver, WebhookReceiver) and receiver.url is not None
    ]
    if known := {url.port or (443 if url.scheme == "https" else 80) for url in urls}:
        yield NetworkPolicyEgressRuleArgs(ports=traffic.ports(*sorted(known)))


def _container(args: AlertmanagerArgs) -> ContainerArgs:
    ready = HTTPGetActionArgs(path="/-/ready", port="metrics")
    return ContainerArgs(
        name=NAME,
        image=args.image,
        command=["/bin/alertmanager"],
        args=[
            f"--config.file={_FOLDER}/{_CONFIGURATION}",
            f"--storage.path={_DATA}",
            # How links in notifications name it; nothing leads to it from outside.
            f"--web.external-url=http://{NAME}.{naming.MONITORING_NAMESPACE}.svc:{PORT}",
            "--log.format=json",
            *_gossip(args.monitoring.replicas),
        ],
        env=[field_variable("POD_IP", "status.podIP")],
        ports=[ContainerPortArgs(name="metrics", container_port=PORT)],
        startup_probe=ProbeArgs(http_get=ready, period_seconds=1, failure_threshold=60),
        readiness_probe=ProbeArgs(http_get=ready, period_seconds=5),
        liveness_probe=ProbeArgs(http_get=HTTPGetActionArgs(path="/-/healthy", port="metrics"), period_seconds=15),
        resources=small_resources(
            cpu=f"{DEMAND.cpu_millis}m", memory=f"{DEMAND.memory_mib}Mi", memory_limit=f"{4 * DEMAND.memory_mib}Mi"
        ),
        security_context=container_security_context(),
        volume_mounts=[
            VolumeMountArgs(name="configuration", mount_path=_FOLDER, read_only=True),
            VolumeMountArgs(name=_VOLUME, mount_path=_DATA),
            *(
                VolumeMountArgs(name=receivers.volume(name), mount_path=receivers.secret_folder(name), read_only=True)
                for name in secrets(args.monitoring)
            ),
        ],
    )


def secrets(monitoring: Monitoring) -> dict[str, str]:
    """Receivers whose URL is a secret: the secret by the name of the receiver."""
    return {
        receiver.name: receiver.secret
        for receiver in monitoring.receivers
        if not isinstance(receiver, LogReceiver) and receiver.secret is not None
    }


def _gossip(replicas: int) -> list[str]:
    if replicas == 1:
        return ["--cluster.listen-address="]
    peers = [f"{NAME}-{index}.{NAME}.{naming.MONITORING_NAMESPACE}.svc:{GOSSIP_PORT}" for index in range(replicas)]
    return [
        f"--cluster.listen-address=0.0.0.0:{GOSSIP_PORT}",
        f"--cluster.advertise-address=$(POD_IP):{GOSSIP_PORT}",
        *(f"--cluster.peer={peer}" for peer in peers),
    ]


def _volumes(configuration: pulumi.Input[str], args: AlertmanagerArgs) -> list[VolumeArgs]:
    volumes = [VolumeArgs(name="configuration", config_map=ConfigMapVolumeSourceArgs(name=configuration))]
    for name, secret in secrets(args.monitoring).items():
        volumes.append(args.secrets[name].volume() if name in args.secrets else _secret_volume(name, secret))
    if args.monitoring.storage_gib is None:
        volumes.append(VolumeArgs(name=_VOLUME, empty_dir=EmptyDirVolumeSourceArgs(size_limit=_SCRATCH)))
    return volumes


def _secret_volume(receiver: str, secret: str) -> VolumeArgs:
    items = [KeyToPathArgs(key=receivers.URL_FIELD, path=receivers.URL_FIELD)]
    return VolumeArgs(name=receivers.volume(receiver), secret=SecretVolumeSourceArgs(secret_name=secret, items=items))
