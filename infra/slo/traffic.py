"""Requests as gateway and pods count them, for tests of rules: some good, some bad, and what must not be counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.latency_buckets import LATENCY_SECONDS
from infra.slo import names
from infra.slo.names import Slo
from infra.slo.promtool import Series, counter, series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.settings import Service

    _Counts = list[tuple[int, float]]

NEIGHBOUR: Final = "neighbour"
"""Another service, of which nothing may be counted."""
_LATENCY: Final = "http_request_duration_seconds"
VERSION: Final = "1.0.0"
"""Of the pods of the first slot."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """So many samples in which a share of the requests is bad.

    Attributes:
        samples: how many.
        requests: how many come from one sample to the next.
        bad: the share, from 0 to 1.
    """

    samples: int
    requests: float
    bad: float = 0


def slots(service: Service) -> tuple[str, str]:
    """Two slots that a service can have: their requests are one service's."""
    first, second = service.release.slot_names
    return first, second


def judged(service: Service, slo: Slo, *phases: Phase) -> list[Series]:
    """The series by which one promise is judged, with others beside them that belong to none or to another.

    All bad requests meet the first slot.
    """
    count = _gateway if slo is Slo.AVAILABILITY else _pods
    return [*count(service, *phases), *_neighbour(slo, sum(phase.samples for phase in phases), service)]


def _neighbour(slo: Slo, samples: int, service: Service) -> Iterator[Series]:
    """Another service, of which all requests are bad all the time."""
    of, many, none = {"service": NEIGHBOUR, "slot": slots(service)[0]}, counter((samples, 1e6)), counter((samples, 0))
    if slo is Slo.AVAILABILITY:
        yield series("envoy_cluster_upstream_rq_completed", many, of)
        yield series("envoy_cluster_upstream_rq_xx", many, of, envoy_response_code_class=names.BAD_CODE)
    else:
        labels = {**of, "path": names.PREDICT_PATH, "code": names.GOOD_CODE}
        yield series(f"{_LATENCY}_bucket", none, labels, le=names.le(service.objective.latency.seconds))
        yield series(f"{_LATENCY}_count", many, labels)


def _gateway(service: Service, *phases: Phase) -> Iterator[Series]:
    for index, (slot, good, bad) in enumerate(_split(service, phases)):
        of = {"service": service.name, "slot": slot}
        everything = counter(*_sum(good, bad))
        yield series("envoy_cluster_upstream_rq_completed", everything, of)
        if not index:  # Envoy counts a class from its first answer on: the second slot has none
            yield series("envoy_cluster_upstream_rq_xx", counter(*bad), of, envoy_response_code_class=names.BAD_CODE)
        # What a client did wrong is no fault of ours.
        for code in ("2", "4"):
            yield series("envoy_cluster_upstream_rq_xx", everything, of, envoy_response_code_class=code)


def _pods(service: Service, *phases: Phase) -> Iterator[Series]:
    for index, (slot, good, bad) in enumerate(_split(service, phases)):
        of = {"service": service.name, "slot": slot}
        of["version"] = "1.1.0" if index else VERSION
        judged = {"path": names.PREDICT_PATH, "code": names.GOOD_CODE}
        everything = _sum(good, bad)
        yield from _histogram(service, {**of, **judged}, everything, good)
        # Other routes, and answers that were errors: all of them were fast, which must not be counted as good.
        for other in ({"path": "/v1/feedback"}, {"code": "5xx"}):
            labels = {**of, **judged, **other}
            many = counter(*everything)
            yield series(f"{_LATENCY}_bucket", many, labels, le=names.le(service.objective.latency.seconds))
            yield series(f"{_LATENCY}_count", many, labels)


def _split(service: Service, phases: Sequence[Phase]) -> Iterator[tuple[str, _Counts, _Counts]]:
    """Each slot with its good and its bad requests: half of the good ones each, and the bad ones in the first."""
    first, second = slots(service)
    good = [(phase.samples, phase.requests * (1 - phase.bad) / 2) for phase in phases]
    bad = [(phase.samples, phase.requests * phase.bad) for phase in phases]
    yield first, good, bad
    yield second, good, [(samples, 0.0) for samples, _ in bad]


def _sum(good: _Counts, bad: _Counts) -> _Counts:
    return [(samples, rise + more) for (samples, rise), (_, more) in zip(good, bad, strict=True)]


def _histogram(service: Service, labels: dict[str, str], everything: _Counts, good: _Counts) -> Iterator[Series]:
    """The buckets around the objective's bound: nobody was faster than the one below, all than the one above."""
    bound = service.objective.latency.seconds
    below = max((other for other in LATENCY_SECONDS if other < bound), default=None)
    above = min((other for other in LATENCY_SECONDS if other > bound), default=None)
    if below is not None:
        none = counter((sum(samples for samples, _ in good), 0))
        yield series(f"{_LATENCY}_bucket", none, labels, le=names.le(below))
    yield series(f"{_LATENCY}_bucket", counter(*good), labels, le=names.le(bound))
    if above is not None:
        yield series(f"{_LATENCY}_bucket", counter(*everything), labels, le=names.le(above))
    yield series(f"{_LATENCY}_bucket", counter(*everything), labels, le="+Inf")
    yield series(f"{_LATENCY}_count", counter(*everything), labels)
