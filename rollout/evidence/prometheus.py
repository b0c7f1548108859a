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
    slots = (candidate_slot, reference_slot)
    candidate, reference = _slots(prometheus, service, slots, grid)
    return Observations(
        candidate=candidate,
        reference=reference,
        reference_slot=reference_slot,
        step_seconds=grid.step,
        mirrored=_mirrored(prometheus, service, grid),
        history=_history(prometheus, service, candidate_slot, (released or since).timestamp()),
        pages=() if objective is None else _pages(prometheus, service, slots, grid, objective),
    )


def _grid(since: float, until: float) -> Grid:
    span = max(until - since, 0.0)
    step = STEP_SECONDS * max(1, math.ceil(span / STEP_SECONDS / _MOST_SAMPLES))
    intervals = int(span // step)
    # The last sample is now: what came since the last whole minute waits for the next look.
    return Grid(since, float(step), intervals)


def _series(prometheus: Prometheus, selector: str, grid: Grid) -> Sequence[Mapping[str, Any]]:
    if grid.intervals == 0:
        return []
    return prometheus.query_range(selector, grid.start, grid.start + grid.step * grid.intervals, grid.step)


def _slots(prometheus: Prometheus, service: str, slots: tuple[str, str], grid: Grid) -> tuple[SlotCounts, SlotCounts]:
    """Both slots, each family of counters asked for once."""
    families = {
        name: _series(prometheus, f'user_{name}_total{{service="{service}",slot=~"{"|".join(slots)}"}}', grid)
        for name in ("requests", "errors", "log_seconds", "tokens", "confidence", "texts", "feedback")
    }

    def of(slot: str) -> SlotCounts:
        def counted(family: str, **labels: str) -> Increments:
            wanted = labels | {"slot": slot}
            return by_unit((one for one in families[family] if wanted.items() <= one["metric"].items()), grid)

        requests = counted("requests")
        names_of_labels = sorted({str(one["metric"].get("label", "")) for one in families["texts"]})
        return SlotCounts(
            requests=requests.by_unit,
            errors=counted("errors").by_unit,
            log_seconds=counted("log_seconds").by_unit,
            tokens=counted("tokens").by_unit,
            texts={label: counted("texts", label=label).by_unit for label in names_of_labels},
            confidence=counted("confidence").by_unit,
            right=counted("feedback", verdict="right").by_unit,
            wrong=counted("feedback", verdict="wrong").by_unit,
            unknown=requests.unknown,
        )

    return of(slots[0]), of(slots[1])


def _mirrored(prometheus: Prometheus, service: str, grid: Grid) -> Mirrored | None:
    comparisons, agreements = (
        by_unit(_series(prometheus, names.selector(name, service=service), grid), grid).by_unit
        for name in ("shadow_comparisons_total", "shadow_agreements_total")
    )
    return Mirrored(comparisons=comparisons, agreements=agreements) if comparisons.any() else None


def _history(prometheus: Prometheus, service: str, candidate_slot: str, released: float) -> History | None:
    """What users met of other versions than the candidate: an earlier step of this release is no history."""
    grid = Grid(released - _HISTORY_SECONDS, _HISTORY_STEP, _HISTORY_SECONDS // _HISTORY_STEP)
    requests, log_seconds = (
        by_unit(_series(prometheus, f'{name}{{service="{service}",slot!="{candidate_slot}"}}', grid), grid).by_unit.sum(
            axis=0
        )
        for name in ("user_requests_total", "user_log_seconds_total")
    )
    return History(requests=requests, log_seconds=log_seconds) if requests.any() else None


def _pages(
    prometheus: Prometheus, service: str, slots: tuple[str, str], grid: Grid, objective: Mapping[str, Any]
) -> tuple[PageWindows, ...]:
    """The shares of bad requests over the windows of the service's own alerts, none longer than the step."""
    elapsed = int(grid.step * grid.intervals)
    if elapsed == 0:
        return ()
    now = grid.start + elapsed
    pages = [(slo.value, page) for slo in names.Slo for page in objective[slo.value]["page"]]
    seconds = {min(int(page[end]), elapsed) for _, page in pages for end in ("long_seconds", "short_seconds")}
    shares = {length: _bad_shares(prometheus, service, slots, length, now) for length in seconds}

    def window(slo: str, length: int) -> Window:
        found = shares[min(length, elapsed)]
        return Window(candidate=found.get((slo, slots[0]), math.nan), reference=found.get((slo, slots[1]), math.nan))

    return tuple(
        PageWindows(
            promise=slo,
            threshold=float(page["error_ratio"]),
            long_seconds=int(page["long_seconds"]),
            long=window(slo, int(page["long_seconds"])),
            short=window(slo, int(page["short_seconds"])),
        )
        for slo, page in pages
    )


def _bad_shares(
    prometheus: Prometheus, service: str, slots: tuple[str, str], seconds: int, now: float
) -> dict[tuple[str, str], float]:
    """Bad requests by all requests, of each promise and slot; none where so few failed that nobody would be told."""

    def totals(name: str) -> dict[tuple[str, str], float]:
        selector = f'{name}{{service="{service}",slot=~"{"|".join(slots)}"}}'
        found = prometheus.query_range(f"sum by (slo, slot) (avg_over_time({selector}[{seconds}s]))", now, now, 1)
        return {(one["metric"]["slo"], one["metric"]["slot"]): float(one["values"][-1][1]) for one in found}

    requests = totals(names.requests(windows.BASE, level="slot"))
    errors = totals(names.errors(windows.BASE, level="slot"))
    return {
        key: errors[key] / total
        for key, total in requests.items()
        if total > 0 and errors.get(key, 0.0) * seconds >= windows.LEAST_FAILURES
    }
