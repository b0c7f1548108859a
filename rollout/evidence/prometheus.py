"""What Prometheus knows of a step of a release."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Protocol

from infra.slo import names, windows
from rollout.evidence.increments import Grid, Increments, by_unit
from rollout.evidence.observations import History, Mirrored, Observations, PageWindows, SlotCounts, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

STEP_SECONDS: Final = 60
_MOST_SAMPLES: Final = 400
_HISTORY_SECONDS: Final = 3_600
_HISTORY_STEP: Final = 300


class Prometheus(Protocol):
    """Whoever answers range queries."""

    def query_range(self, query: str, start: float, end: float, step: float) -> Sequence[Mapping[str, Any]]:
        """Samples of a query at ``start``, ``start + step`` … ``end``, in seconds of the epoch.

        Returns:
            ``data.result`` of Prometheus's HTTP interface: for each series ``metric`` (its labels) and ``values``
            (pairs of a timestamp and a number as text).
        """
        ...


def read(  # noqa: PLR0913, PLR0917 - what to compare, and over which time
    prometheus: Prometheus,
    service: str,
    candidate_slot: str,
    reference_slot: str,
    since: datetime,
    until: datetime,
    *,
    released: datetime | None = None,
    objective: Mapping[str, Any] | None = None,
) -> Observations:
    """Read what was seen of both slots from ``since`` (when the step's weights were in force) to ``until``.

    Args:
        prometheus: who is asked.
        service: its name.
        candidate_slot: the slot of the new version.
        reference_slot: the slot that it is held against: the baseline, or stable.
        since: with a time zone.
        until: with a time zone.
        released: when the candidate got its first request; what users met in the hour before, of other versions, makes
            the comparison sharper. ``since`` where nothing is given.
        objective: ``infra.slo.thresholds(service)``; without it the objective's windows are not asked for.
    """
    grid = _grid(since.timestamp(), until.timestamp())
    return Observations(
        candidate=_slot(prometheus, service, candidate_slot, grid),
        reference=_slot(prometheus, service, reference_slot, grid),
        reference_slot=reference_slot,
        step_seconds=grid.step,
        mirrored=_mirrored(prometheus, service, grid),
        history=_history(prometheus, service, candidate_slot, (released or since).timestamp()),
        pages=()
        if objective is None
        else _pages(prometheus, service, (candidate_slot, reference_slot), grid, objective),
    )


def _grid(since: float, until: float) -> Grid:
    span = max(until - since, 0.0)
    step = STEP_SECONDS * max(1, math.ceil(span / STEP_SECONDS / _MOST_SAMPLES))
    intervals = int(span // step)
    # The last sample is now: what came since the last whole minute waits for the next look.
    return Grid(since, float(step), intervals)


def _counted(prometheus: Prometheus, selector: str, grid: Grid) -> Increments:
    if grid.intervals == 0:
        return by_unit([], grid)
    end = grid.start + grid.step * grid.intervals
    return by_unit(prometheus.query_range(selector, grid.start, end, grid.step), grid)


def _slot(prometheus: Prometheus, service: str, slot: str, grid: Grid) -> SlotCounts:
    def counted(name: str, **labels: str) -> Increments:
        return _counted(prometheus, names.selector(name, service=service, slot=slot, **labels), grid)

    requests = counted("user_requests_total")
    return SlotCounts(
        requests=requests.by_unit,
        errors=counted("user_errors_total").by_unit,
        log_seconds=counted("user_log_seconds_total").by_unit,
        tokens=counted("user_tokens_total").by_unit,
        texts=_texts(prometheus, names.selector("user_texts_total", service=service, slot=slot), grid),
        confidence=counted("user_confidence_total").by_unit,
        right=counted("user_feedback_total", verdict="right").by_unit,
        wrong=counted("user_feedback_total", verdict="wrong").by_unit,
        unknown=requests.unknown,
    )


def _texts(prometheus: Prometheus, selector: str, grid: Grid) -> dict[str, Any]:
    if grid.intervals == 0:
        return {}
    end = grid.start + grid.step * grid.intervals
    found = prometheus.query_range(selector, grid.start, end, grid.step)
    labels = sorted({str(one["metric"].get("label", "")) for one in found})
    return {
        label: by_unit([one for one in found if one["metric"].get("label") == label], grid).by_unit for label in labels
    }


def _mirrored(prometheus: Prometheus, service: str, grid: Grid) -> Mirrored | None:
    comparisons = _counted(prometheus, names.selector("shadow_comparisons_total", service=service), grid)
    if not comparisons.by_unit.any():
        return None
    agreements = _counted(prometheus, names.selector("shadow_agreements_total", service=service), grid)
    return Mirrored(comparisons=comparisons.by_unit, agreements=agreements.by_unit)


def _history(prometheus: Prometheus, service: str, candidate_slot: str, released: float) -> History | None:
    """What users met of other versions than the candidate: an earlier step of this release is no history."""
    grid = Grid(released - _HISTORY_SECONDS, _HISTORY_STEP, _HISTORY_SECONDS // _HISTORY_STEP)
    requests, log_seconds = (
        _counted(prometheus, f'{name}{{service="{service}",slot!="{candidate_slot}"}}', grid).by_unit.sum(axis=0)
        for name in ("user_requests_total", "user_log_seconds_total")
    )
    return History(requests=requests, log_seconds=log_seconds) if requests.any() else None


def _pages(
    prometheus: Prometheus, service: str, slots: tuple[str, str], grid: Grid, objective: Mapping[str, Any]
) -> tuple[PageWindows, ...]:
    """The shares of bad requests over the windows of the service's own alerts, none longer than the step."""
    now = grid.start + grid.step * grid.intervals
    elapsed = int(grid.step * grid.intervals)

    def window(slo: names.Slo, seconds: int) -> Window:
        shares = [
            _bad_share(prometheus, {"service": service, "slot": slot, "slo": slo.value}, min(seconds, elapsed), now)
            for slot in slots
        ]
        return Window(candidate=shares[0], reference=shares[1])

    if elapsed == 0:
        return ()
    return tuple(
        PageWindows(
            promise=slo.value,
            threshold=float(page["error_ratio"]),
            long_seconds=int(page["long_seconds"]),
            long=window(slo, int(page["long_seconds"])),
            short=window(slo, int(page["short_seconds"])),
        )
        for slo in names.Slo
        for page in objective[slo.value]["page"]
    )


def _bad_share(prometheus: Prometheus, labels: Mapping[str, str], seconds: int, now: float) -> float:
    """Bad requests by all requests in the seconds before now; nan where there were none, or too few failed to tell."""

    def total(name: str) -> float:
        selector = names.selector(name, **labels)
        found = prometheus.query_range(f"sum(avg_over_time({selector}[{seconds}s]))", now, now, 1)
        return float(found[0]["values"][-1][1]) if found else 0.0

    requests = total(names.requests(windows.BASE, level="slot"))
    errors = total(names.errors(windows.BASE, level="slot"))
    if requests <= 0 or errors * seconds < windows.LEAST_FAILURES:
        return math.nan
    return errors / requests
