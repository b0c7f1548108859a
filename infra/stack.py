"""The composition root: a table of contents of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from infra import capacity, cluster, images, naming, routing
from infra.catalogue import check_versions
from infra.kubernetes.cloud_support import CloudSupport, CloudSupportArgs
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.service_release import ServiceRelease, ServiceReleaseArgs
from infra.kubernetes.serving_traffic import AwsRanges, ServingTraffic, ServingTrafficArgs
from infra.settings import EksCluster, SettingsError
from infra.settings.stack import SYSTEM_POOL

if TYPE_CHECKING:
    from pathlib import Path

    from infra.aws.foundation import Foundation
    from infra.settings import Service, Settings


class Stack:
    """Everything of one environment.

    Attributes:
        outputs: what ``pulumi stack output`` shows.
    """

    outputs: dict[str, Any]

    def __init__(self, settings: Settings, *, environment: str, root: Path) -> None:
        """Declare the platform.

        Args:
            settings: the stack's, checked.
            environment: the stack's name.
            root: the root of the project.

        Raises:
            SettingsError: the settings name a version that no one built, more GPUs than there are, or a cluster that
                does not run.
        """
        source = root / f"Pulumi.{environment}.yaml"
        check_versions(settings, source=source, root=root)
        if shortage := capacity.shortage(settings):
            raise SettingsError(f"{source.name}: {shortage}")

        foundation = _foundation(settings, environment=environment, source=source)
        access = foundation.access if foundation else cluster.connect(settings, root=root)
        platform = images.platform_images(settings.cluster, access, root=root)
        built = images.ServingImages(
            settings=settings,
            access=access,
            base=platform.base,
            root=root,
            find=foundation.find_image if foundation and not foundation.builds else None,
        )
        serving = {
            (service.name, version): built.reference(service, version)
            for service in settings.services
            for version in service.versions()
        }

        on_cluster = pulumi.ResourceOptions(provider=access.provider)
        if foundation and isinstance(settings.cluster, EksCluster):
            CloudSupport(
                "cloud",
                CloudSupportArgs(
                    environment=environment,
                    region=foundation.region,
                    images=settings.cluster.images,
                    pools=settings.pools,
                    cluster_name=foundation.cluster_name,
                    volume_key_arn=foundation.volume_key_arn,
                ),
                opts=on_cluster,
            )
        gateway = Gateway(
            "gateway",
            GatewayArgs(
                environment=environment,
                contour_image=platform.contour,
                envoy_image=platform.envoy,
                node_port=settings.gateway.node_port,
                crds=root / ".tools" / "share" / "contour",
                # In a cloud one Envoy in each zone, on nodes that no autoscaler empties.
                replicas=len(foundation.zones) if foundation else 1,
                pool=SYSTEM_POOL if foundation else None,
            ),
            opts=on_cluster,
        )
        namespace = ClosedNamespace(
            naming.SERVICES_NAMESPACE,
            ClosedNamespaceArgs(
                environment=environment, demand=capacity.total(map(capacity.rollout, settings.services))
            ),
            opts=on_cluster,
        )
        ServingTraffic(
            "serving-traffic",
            ServingTrafficArgs(
                environment=environment,
                namespace=namespace.name,
                aws=AwsRanges(vpc=settings.aws.network.cidr, services=settings.aws.network.services_cidr)
                if settings.aws
                else None,
            ),
            opts=on_cluster,
        )
        for service in settings.services:
            ServiceRelease(
                service.name,
                ServiceReleaseArgs(
                    environment=environment,
                    namespace=namespace.name,
                    service=service,
                    variant=settings.pool(service.pool).variant,
                    images={version: serving[service.name, version] for version in service.versions()},
                    gateway=gateway,
                    engine_bucket=foundation.engine_bucket if foundation else None,
                ),
                opts=on_cluster,
            )

        self.outputs = {
            "endpoints": {
                service.name: pulumi.Output.concat(access.entry, routing.public_prefix(service.name))
                for service in settings.services
            },
            "images": {f"{service}:{version}": image for (service, version), image in serving.items()},
            "releases": {service.name: _release(service) for service in settings.services},
        }


def _foundation(settings: Settings, *, environment: str, source: Path) -> Foundation | None:
    if settings.aws is None:
        return None
    # Imported here: the AWS SDK takes half a second, which stacks elsewhere need not wait for.
    from infra.aws.foundation import Foundation  # noqa: PLC0415

    return Foundation(settings, environment=environment, source=source)


def _release(service: Service) -> dict[str, Any]:
    return {
        "strategy": service.release.strategy,
        "slots": {
            name: {"version": slot.version, "replicas": slot.replicas, "weight": slot.weight}
            for name, slot in service.release.slots()
        },
    }
