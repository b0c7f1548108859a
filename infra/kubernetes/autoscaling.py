"""What scales a slot: a HorizontalPodAutoscaler, by the requests that the slot's own pods are answering.

A canary with 5 % of the requests is scaled by those 5 %. A slot that the next step may give all requests at once is
sized for all of them, whether it gets them or not: a colour, and stable while its candidate has them all.

The autoscaler owns ``spec.replicas`` of the slot's Deployment, and the program ignores it; the slot's ``replicas`` is
what it begins with, and the least that there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_kubernetes.autoscaling.v2 import (
    CrossVersionObjectReferenceArgs,
    HorizontalPodAutoscalerSpecArgs,
    MetricIdentifierArgs,
    MetricSpecArgs,
    MetricTargetArgs,
    ObjectMetricSourceArgs,
    PodsMetricSourceArgs,
)

from infra.settings import BlueGreenRelease, CanaryRelease

if TYPE_CHECKING:
    from pulumi_kubernetes.apps.v1 import Deployment

    from infra.settings import Autoscaling, Service, Slot

_ALL: Final = 100  # per cent

METRIC: Final = "requests_in_flight"
"""In the API of custom metrics, of pods and of services; see :mod:`infra.kubernetes.monitoring.metrics_adapter`."""


def ignored(service: Service, slot: Slot) -> list[str] | None:
    """What the program leaves alone of a slot's Deployment, for the option ``ignore_changes``."""
    return ["spec.replicas"] if _scaling(service, slot) else None


def autoscaler(service: Service, slot: Slot, deployment: Deployment) -> HorizontalPodAutoscalerSpecArgs | None:
    """The autoscaler of a slot; None if it has the replicas of the stack file."""
    wanted = _scaling(service, slot)
    if wanted is None:
        return None
    return HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=CrossVersionObjectReferenceArgs(
            api_version="apps/v1", kind="Deployment", name=deployment.metadata.name
        ),
        min_replicas=slot.replicas,
        max_replicas=wanted.max_replicas,
        metrics=[_metric(service, slot, wanted)],
    )


def _scaling(service: Service, slot: Slot) -> Autoscaling | None:
    """A slot without pods stays without: an autoscaler leaves one at zero alone."""
    return service.autoscaling if slot.replicas else None


def _may_get_all(service: Service, slot: Slot) -> bool:
    """Whether a slot may get all requests at once, by a switch or a promotion."""
    match service.release:
        case CanaryRelease(candidate=candidate):
            return candidate is not None and candidate.weight == _ALL and slot.version != candidate.version
        case BlueGreenRelease():
            return True


def _metric(service: Service, slot: Slot, wanted: Autoscaling) -> MetricSpecArgs:
    metric = MetricIdentifierArgs(name=METRIC)
    target = MetricTargetArgs(type="AverageValue", average_value=str(wanted.requests_in_flight))
    if _may_get_all(service, slot):
        # No object is asked for this name: it is the label by which Prometheus has the service's pods.
        described = CrossVersionObjectReferenceArgs(api_version="v1", kind="Service", name=service.name)
        return MetricSpecArgs(
            type="Object", object=ObjectMetricSourceArgs(described_object=described, metric=metric, target=target)
        )
    return MetricSpecArgs(type="Pods", pods=PodsMetricSourceArgs(metric=metric, target=target))
