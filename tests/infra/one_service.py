"""One service as the engine would see it: its release, the gateway, its namespace and what may flow there."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from infra import naming, routing, settings
from infra.capacity import Demand
from infra.kubernetes import feedback_store
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.service_release import ServiceRelease, ServiceReleaseArgs
from infra.kubernetes.serving_traffic import ServingTraffic, ServingTrafficArgs
from tests.infra.recorder import DIGEST, record, write_definitions
from tests.infra.samples import OBJECTIVE, TEAM

if TYPE_CHECKING:
    from infra.release_states import Change
    from tests.infra.recorder import Declared


def declare(
    release: settings.CanaryRelease | settings.BlueGreenRelease,
    *,
    change: Change | None = None,
    flags: dict[str, bool | float | str] | None = None,
    autoscaling: settings.Autoscaling | None = None,
) -> list[Declared]:
    """Run the components of a service ``sentiment`` against mocks.

    Args:
        release: its release; every version has an image.
        change: how it comes from what is deployed.
        flags: its feature flags.
        autoscaling: by which its slots are scaled.
    """
    service = settings.Service(
        name="sentiment",
        task="text-classification",
        pool="gpu",
        team=TEAM,
        objective=OBJECTIVE,
        release=release,
        flags=flags,
        autoscaling=autoscaling,
    )

    def program() -> None:
        with TemporaryDirectory() as folder:
            write_definitions(Path(folder))
            gateway = Gateway(
                "gateway",
                GatewayArgs(
                    environment="local",
                    contour_image=f"registry/contour@{DIGEST}",
                    envoy_image=f"registry/envoy@{DIGEST}",
                    node_port=30080,
                    crds=Path(folder),
                ),
            )
        ClosedNamespace(naming.SERVICES_NAMESPACE, ClosedNamespaceArgs(environment="local", demand=Demand()))
        ServingTraffic("serving-traffic", ServingTrafficArgs(environment="local", namespace=naming.SERVICES_NAMESPACE))
        ServiceRelease(
            "sentiment",
            ServiceReleaseArgs(
                environment="local",
                namespace=naming.SERVICES_NAMESPACE,
                service=service,
                variant="cpu",
                images={slot.version: f"registry/sentiment@{DIGEST}" for _, slot in routing.slots(release)},
                gateway=gateway,
                feedback=feedback_store.sqlite(),
                traces=settings.Traces(sampling=5),
                change=change,
            ),
        )

    return record(program)
