"""Traces of the gateway: Envoy's spans go to the collector, and the pods behind it learn which trace is sampled.

Envoy decides for each request by `sampling`, and sends its decision on in the header `traceparent`. A request that
comes with that header keeps its trace, and one that says "not sampled" is not; that it says "sampled" has Envoy take no
more than its share (measured with 1.40; before 1.39 Envoy takes the sender's word, and what a flood of such requests
costs is bounded by the collector's memory limiter alone). Spans are sent aside: while no collector is there, they are
dropped, and requests are answered all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pulumi_kubernetes.apiextensions import CustomResource

from infra.kubernetes import traffic
from infra.kubernetes.monitoring.collector import NAME as COLLECTOR
from infra.kubernetes.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

# What a trace calls the gateway.
_SERVICE: Final = "gateway"


@dataclass(frozen=True, kw_only=True)
class Tracing:
    """Where Envoy's spans go.

    Attributes:
        namespace: the collector's, once it is there.
        sampling: how many requests are traced, in per cent.
    """

    namespace: pulumi.Input[str]
    sampling: int

    def __post_init__(self) -> None:
        if not 0 < self.sampling <= 100:  # noqa: PLR2004  # per cent
            # Contour takes 0 for 100: who wants no traces configures none.
            raise ValueError(f"sampling is {self.sampling}; allowed: 1 to 100")


def configuration(namespace: str, sampling: int) -> dict[str, Any]:
    """The part `tracing` of Contour's configuration.

    Args:
        namespace: the collector's.
        sampling: in per cent.
    """
    return {
        "extensionService": f"{namespace}/{COLLECTOR}",
        "serviceName": _SERVICE,
        "overallSampling": str(sampling),
        # Paths are those of routes: longer ones are somebody's mistake, and may hold what does not belong in a trace.
        "maxPathTagLength": 128,
        "includePodDetail": True,
    }


def declare_extension_service(
    tracing: Tracing, *, environment: str, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> CustomResource:
    """Make the collector's Service known to Contour, which does not start without; the Service may come later.

    Args:
        tracing: where the collector is: Contour looks for its Service in the namespace of this object alone.
        environment: the stack.
        parent: the component.
        after: the definition of its kind.
    """
    scope = Scope(environment=environment, namespace=tracing.namespace, parent=parent)
    return CustomResource(
        f"{COLLECTOR}-for-envoy",
        api_version="projectcontour.io/v1alpha1",
        kind="ExtensionService",
        metadata=scope.metadata(COLLECTOR),
        spec={
            "protocol": "h2c",
            "services": [{"name": COLLECTOR, "port": traffic.OTLP_PORT}],
            # Spans that a stuck collector has not taken by then are dropped, before they fill Envoy's memory.
            "timeoutPolicy": {"response": "5s"},
        },
        opts=scope.child(after=after),
    )
