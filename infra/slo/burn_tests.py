"""Tests of the burn-rate alerts: of each pair of windows that it fires, stays quiet and ends when it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.slo import names, recording, service_alerts, windows
from infra.slo.names import Slo
from infra.slo.promtool import Case, about, constant, firing, minutes, series, value
from infra.slo.traffic import NEIGHBOUR, VERSION, Phase, judged, slots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Service
    from infra.slo.promtool import Check
    from infra.slo.windows import BurnWindow

# By the long window, from sample to sample and from evaluation to evaluation: the short window has some of both.
_EACH_MINUTES: Final = {"1h": (1, 1), "6h": (1, 5), "1d": (10, 60), "3d": (10, 60)}
_CLOSE: Final = 0.02
_STEADY: Final = 20


def cases(service: Service) -> Iterator[Case]:
    """The tests, of which those that span hours and days are evaluated as seldom as their windows allow."""
    for slo in Slo:
        for window in windows.BURN_WINDOWS:
            yield from _just_below_and_above(service, slo, window)
        for window in windows.BURN_WINDOWS:
            yield _begins_and_ends(service, slo, window)
        yield _budget_left(service, slo)
        yield _recorded(service, slo)
        yield _alone(service, slo)
        yield _no_traffic(service, slo)
        yield _one_failure_at_night(service, slo)
        yield _all_fail_at_night(service, slo)


def labels(service: Service, slo: Slo, window: BurnWindow) -> dict[str, str]:
    """The labels of an alert that fires."""
    return {
        "severity": window.severity,
        "team": service.team,
        "service": service.name,
        "slo": slo.value,
        "window": window.long,
    }


def _requests(service: Service, slo: Slo) -> float:
    """So many from one sample to the next that some are bad also at the strictest objective."""
    return 100 / recording.budget(service, slo)


def _just_below_and_above(service: Service, slo: Slo, window: BurnWindow) -> Iterator[Case]:
    """One share of bad requests all the time is the same in all windows, so thresholds are seen exactly."""
    limit = service_alerts.threshold(service, slo, window)
    alert, at, only = service_alerts.BURN[slo], minutes(_STEADY), {"window": window.long}
    for word, bad, fires in (
        ("quiet just below", (1 - _CLOSE) * limit, ()),
        ("fires just above", (1 + _CLOSE) * limit, (labels(service, slo, window),)),
    ):
        yield Case(
            name=f"{slo.value}, {window.long}: {word} the threshold",
            series=judged(service, slo, Phase(samples=_STEADY + 1, bad=bad, requests=_requests(service, slo))),
            checks=[firing(alert, at, *fires, only=only)],
        )


def _begins_and_ends(service: Service, slo: Slo, window: BurnWindow) -> Case:
    """A burn after a clean past crosses the threshold of the long window, stops, and leaves the short window."""
    limit = service_alerts.threshold(service, slo, window)
    long, short = (windows.SECONDS[each] / 60 for each in (window.long, window.short))
    bad = min(1.0, 3 * limit)
    crosses, leaves = long * limit / bad, short * (1 - limit / bad)
    sample, evaluation = _EACH_MINUTES[window.long]

    def at(time: float) -> int:
        return round(time / evaluation) * evaluation

    burn, end = at(1.1 * long), at(1.1 * long) + at(1.4 * crosses)
    requests = _requests(service, slo)
    phases = [
        Phase(samples=length // sample, bad=share, requests=requests)
        for length, share in ((burn, 0.0), (end - burn, bad), (at(short) + 2 * evaluation, 0.0))
    ]
    alert, only, expected = service_alerts.BURN[slo], {"window": window.long}, labels(service, slo, window)
    return Case(
        name=f"{slo.value}, {window.long}: fires while the budget burns, and ends soon after",
        series=judged(service, slo, *phases),
        checks=[
            firing(alert, minutes(burn), only=only),
            firing(alert, minutes(burn + at(0.8 * crosses)), only=only),
            firing(alert, minutes(burn + at(1.2 * crosses)), expected, only=only),
            firing(alert, minutes(end + int(0.5 * leaves / evaluation) * evaluation), expected, only=only),
            firing(alert, minutes(end + at(short)), only=only),
        ],
        interval=minutes(sample),
        evaluation=minutes(evaluation),
    )


def _recorded(service: Service, slo: Slo) -> Case:
    """What is recorded, of all windows and of each slot, where a tenth of the budget is used all the time."""
    allowed = recording.budget(service, slo)
    bad, of, at = allowed / 10, {"service": service.name, "slo": slo.value}, minutes(_STEADY)
    every = (*windows.SECONDS, windows.of_objective(service.objective.window_days))
    slot = next(iter(slots(service)))
    of_slot = {**of, "slot": slot, **({"version": VERSION} if slo is Slo.LATENCY else {})}
    rate = _requests(service, slo) / 60
    base = windows.BASE

    def recorded(name: str, expected: float) -> Check:
        return about(names.selector(name, **of), at, of, expected)

    return Case(
        name=f"{slo.value}: what is recorded",
        series=judged(service, slo, Phase(samples=_STEADY + 1, bad=bad, requests=_requests(service, slo))),
        checks=[
            *(recorded(names.ratio(window), bad) for window in every),
            recorded(names.requests(base), rate),
            recorded(names.errors(base), rate * bad),
            recorded(names.BUDGET_LEFT, 0.9),
            *(
                value(f"count ({names.selector(name(base, level='slot'), slo=slo)})", at, ({}, 2))
                for name in (names.requests, names.errors, names.ratio)
            ),
            about(
                names.selector(names.ratio(base, level="slot"), **of, slot=slot),
                at,
                of_slot,
                bad / (bad + (1 - bad) / 2),
            ),
        ],
    )


def _alone(service: Service, slo: Slo) -> Case:
    """One promise is broken, the other is kept, and the recorded series of a neighbour say that all it has is bad."""
    fine = next(other for other in Slo if other is not slo)
    samples = _STEADY + 1
    every = (*windows.SECONDS, windows.of_objective(service.objective.window_days))
    neighbour = [
        series(name(window), constant(much * factor, samples), service=NEIGHBOUR, slo=each.value)
        for each in Slo
        for factor, window in enumerate(every, start=1)
        for name, much in ((names.requests, 1000), (names.errors, 900), (names.ratio, 1))
    ]
    return Case(
        name=f"{slo.value}: its alerts are about this promise of this service alone",
        series=[
            *judged(service, slo, Phase(samples=samples, bad=1, requests=_requests(service, slo))),
            *judged(service, fine, Phase(samples=samples, requests=_requests(service, fine))),
            *neighbour,
        ],
        checks=[
            firing(
                service_alerts.BURN[slo],
                minutes(_STEADY),
                *(labels(service, slo, window) for window in windows.BURN_WINDOWS),
            ),
            firing(service_alerts.BURN[fine], minutes(_STEADY)),
            value(
                f"count ({names.selector(names.ratio(windows.BASE, level='slot'), slo=fine)})",
                minutes(_STEADY),
                ({}, 2),
            ),
            about(
                names.selector(names.BUDGET_LEFT, slo=slo),
                minutes(_STEADY),
                {"service": service.name, "slo": slo.value},
                1 - 1 / recording.budget(service, slo),
            ),
        ],
    )


def _no_traffic(service: Service, slo: Slo) -> Case:
    alert = service_alerts.BURN[slo]
    return Case(
        name=f"{slo.value}: quiet at no traffic, and no share of nothing is recorded",
        series=judged(service, slo, Phase(samples=61, requests=0)),
        checks=[
            firing(alert, "60m"),
            value(names.selector(names.ratio("1h"), service=service.name), "60m"),
            value(names.selector(names.BUDGET_LEFT, service=service.name), "60m"),
        ],
    )


def _one_failure_at_night(service: Service, slo: Slo) -> Case:
    quiet, good = Phase(samples=11, requests=0), Phase(samples=1, requests=1)
    bad = Phase(samples=1, requests=1, bad=1)
    phases = (quiet, good, quiet, bad, *(quiet, good) * 3)
    return Case(
        name=f"{slo.value}: one request of five in an hour is bad, and nobody is told",
        series=judged(service, slo, *phases),
        checks=[firing(service_alerts.BURN[slo], minutes(time)) for time in (24, 27, 40, 59)],
    )


def _all_fail_at_night(service: Service, slo: Slo) -> Case:
    """Every four minutes a request, and each is bad: seven in half an hour are too few, fifteen in an hour are not."""
    failure = (Phase(samples=3, requests=0), Phase(samples=1, requests=1, bad=1))
    alert = service_alerts.BURN[slo]
    return Case(
        name=f"{slo.value}: a service with few requests, all of them bad, is found within an hour",
        series=judged(service, slo, *failure * 16),
        checks=[
            firing(alert, "30m"),
            firing(alert, "60m", *(labels(service, slo, window) for window in windows.BURN_WINDOWS)),
        ],
    )


def _budget_left(service: Service, slo: Slo) -> Case:
    """On the first day, with twice the usual traffic, half of the window's budget is spent; then nothing more."""
    days, allowed = service.objective.window_days, recording.budget(service, slo)
    of = {"service": service.name, "slo": slo.value}
    # What is bad on that day is half of what all requests of the window may be.
    bad = min(1.0, allowed * (days + 1) / 4)
    used = bad * 2 / (days + 1) / allowed

    def left_after(day: float, expected: float) -> Check:
        left = names.selector(names.BUDGET_LEFT, **of)
        # The first and the last hour of a window weigh in the rounding.
        return value(f"abs({left} - {names.number(expected)}) < bool 0.05", f"{round(24 * day)}h", (of, 1))

    return Case(
        name=f"{slo.value}: the budget left, by requests and not by time, over {days} days and no longer",
        series=[
            series(names.requests(windows.BASE), f"{constant(2, 24)} {constant(1, 24 * (days + 1))}", of),
            series(names.errors(windows.BASE), f"{constant(2 * bad, 24)} {constant(0, 24 * (days + 1))}", of),
        ],
        checks=[
            left_after(days / 2, 1 - used * (days + 1) / (days / 2 + 1)),
            left_after(days, 1 - used),
            left_after(days + 1.5, 1),
        ],
        interval="1h",
        evaluation="12h",  # the windows of the checks, and their halves, end then
    )
