"""What runs on the cluster: its own support, the gateway, the closed namespace of the services, a release of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from infra import capacity, naming
from infra.kubernetes import feedback_store
from infra.kubernetes.contour_tracing import Tracing
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.monitoring import monitoring
from infra.kubernetes.monitoring.monitoring import Monitoring, MonitoringArgs, ReceiverSecrets
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.service_release import ServiceRelease, ServiceReleaseArgs
from infra.kubernetes.serving_traffic import AwsRanges, ServingTraffic, ServingTrafficArgs
from infra.settings import EksCluster
from infra.settings.stack import SYSTEM_POOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.aws.foundation import Foundation
    from infra.cluster import ClusterAccess
    from infra.images import PlatformImages
    from infra.kubernetes.cloud_support import CloudSupport
    from infra.kubernetes.feedback_store import FeedbackStore
    from infra.release_states import Change
    from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """What the platform is made of.

    Attributes:
        settings: the stack's, checked.
        environment: the stack's name.
        root: the root of the project.
        foundation: what lies below the cluster, if that is in a cloud.
        access: the cluster.
        images: of the platform itself.
        serving: digest references of the serving images, by service and version.
        changes: how each service's release comes from what is deployed.
        facts: what rules of change have to know of each service beside that.
    """

    settings: Settings
    environment: str
    root: Path
    foundation: Foundation | None
    access: ClusterAccess
    images: PlatformImages
    serving: Mapping[tuple[str, str], pulumi.Output[str]]
    changes: Mapping[str, Change]
    facts: Mapping[str, Mapping[str, Any]]


def declare(args: PlatformArgs) -> dict[str, pulumi.Output[dict[str, Any]] | None]:
    """Declare all of it.

    Returns:
        What is deployed of each service when its route is changed.

    Raises:
        SettingsError: the definitions of the gateway's kinds are missing.
    """
    settings, foundation = args.settings, args.foundation
    on_cluster = pulumi.ResourceOptions(provider=args.access.provider)
    cloud = _cloud_support(foundation, args, on_cluster) if foundation else None
    # Before the gateway, which learns from an object in there where its spans go.
    watching = ClosedNamespace(
        naming.MONITORING_NAMESPACE,
        ClosedNamespaceArgs(environment=args.environment, demand=monitoring.demand(settings)),
        opts=on_cluster,
    )
    sampling = settings.monitoring.traces.sampling
    gateway = Gateway(
        "gateway",
        GatewayArgs(
            environment=args.environment,
            contour_image=args.images.contour,
            envoy_image=args.images.envoy,
            node_port=settings.gateway.node_port,
            crds=args.root / ".tools" / "share" / "contour",
            # In a cloud one Envoy in each zone, on nodes that no autoscaler empties.
            replicas=len(foundation.zones) if foundation else 1,
            pool=SYSTEM_POOL if foundation else None,
            tracing=Tracing(namespace=watching.name, sampling=sampling) if sampling else None,
        ),
        opts=on_cluster,
    )
    namespace = ClosedNamespace(
        naming.SERVICES_NAMESPACE,
        ClosedNamespaceArgs(
            environment=args.environment, demand=capacity.total(map(capacity.quota, settings.services))
        ),
        opts=on_cluster,
    )
    feedback = _feedback(foundation, args.environment, namespace, on_cluster) if foundation else feedback_store.sqlite()
    ServingTraffic(
        "serving-traffic",
        ServingTrafficArgs(
            environment=args.environment,
            namespace=namespace.name,
            aws=AwsRanges(vpc=settings.aws.network.cidr, services=settings.aws.network.services_cidr)
            if settings.aws
            else None,
        ),
        opts=on_cluster,
    )
    Monitoring(
        "monitoring",
        MonitoringArgs(
            settings=settings,
            environment=args.environment,
            images=args.images,
            namespaces={
                naming.MONITORING_NAMESPACE: watching.name,
                naming.GATEWAY_NAMESPACE: gateway.namespace,
                naming.SERVICES_NAMESPACE: namespace.name,
                **(cloud.namespaces if cloud else {}),
            },
            secrets=ReceiverSecrets(arns=foundation.receiver_secrets, region=foundation.region) if foundation else None,
            pool=SYSTEM_POOL if foundation else None,
        ),
        opts=on_cluster,
    )
    releases = {
        service.name: ServiceRelease(
            service.name,
            ServiceReleaseArgs(
                environment=args.environment,
                namespace=namespace.name,
                service=service,
                variant=settings.pool(service.pool).variant,
                images={version: args.serving[service.name, version] for version in service.versions()},
                gateway=gateway,
                feedback=feedback,
                traces=settings.monitoring.traces,
                engine_bucket=foundation.engine_bucket if foundation else None,
                change=args.changes[service.name],
                facts=args.facts[service.name],
            ),
            opts=on_cluster,
        )
        for service in settings.services
    }
    return {name: release.deployed for name, release in releases.items()}


def _cloud_support(foundation: Foundation, args: PlatformArgs, opts: pulumi.ResourceOptions) -> CloudSupport:
    # Imported here, as in infra.stack: a stack elsewhere need not wait for it.
    from infra.kubernetes.cloud_support import CloudSupport, CloudSupportArgs  # noqa: PLC0415

    cluster = args.settings.cluster
    assert isinstance(cluster, EksCluster)  # noqa: S101  # the settings allow a cloud with no other
    return CloudSupport(
        "cloud",
        CloudSupportArgs(
            environment=args.environment,
            region=foundation.region,
            images=cluster.images,
            pools=args.settings.pools,
            cluster_name=foundation.cluster_name,
            volume_key_arn=foundation.volume_key_arn,
        ),
        opts=opts,
    )


def _feedback(
    foundation: Foundation, environment: str, namespace: ClosedNamespace, opts: pulumi.ResourceOptions
) -> FeedbackStore:
    """The database of a cloud; serving pods find its user and password as files."""
    from infra.kubernetes.secrets_store import SecretFiles, SecretFilesArgs  # noqa: PLC0415  # as above

    database = foundation.database
    credentials = SecretFiles(
        "database",
        SecretFilesArgs(
            environment=environment,
            namespace=namespace.name,
            secret_arn=database.secret_arn,
            fields=("username", "password"),
            region=foundation.region,
        ),
        opts=opts,
    )
    return feedback_store.postgresql(
        address=database.address, port=database.port, database=database.database, credentials=credentials.mounted
    )
