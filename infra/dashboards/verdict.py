"""What the thresholds of a canary say of each slot of a release, as the dashboard shows it.

The numbers are those of :func:`infra.slo.canary.thresholds`, by which a release goes on or is taken back; here they
only make a panel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra.dashboards.panels import BAD, GOOD, NEUTRAL, WATCH, Limit, Query, Reading, number
from infra.slo import names, windows
from infra.slo.canary import thresholds
from infra.slo.names import Slo

if TYPE_CHECKING:
    from collections.abc import Callable

    from grafana_foundation_sdk.models.dashboard import Panel

    from infra.dashboards.scope import Scope

_GOOD, _FEW, _OVER, _TAKE_BACK = range(4)
_WORDS: Final = {
    _GOOD: ("good", GOOD),
    _FEW: ("too few requests", NEUTRAL),
    _OVER: ("over budget", WATCH),
    _TAKE_BACK: ("take back", BAD),
}
# A count is a sum of rates, one each minute.
_STEP: Final = 60


def verdict(slot: Scope) -> Panel:
    """Whether the version in a slot may stay, by each promise."""
    judged = thresholds(slot.service)
    limits = [
        f"{judged[slo]['minimum_requests']} requests, {100 * judged[slo]['budget_ratio']:g} % and "
        f"{100 * _page(judged[slo])['error_ratio']:g} % for {slo}"
        for slo in Slo
    ]
    return number(
        slot.title("Verdict"),
        [Query(expr=_verdict(slot, slo, judged[slo]), legend=slo) for slo in Slo],
        Reading(
            says="Of the last hour: take back, if the share of bad requests is what the service's own alerts wake "
            "somebody for; too few requests, if none of so many would prove nothing; over budget, if more are bad than "
            f"the objective allows; good otherwise. In this order: {'; '.join(limits)}.",
            unit="none",
            absent=slot.quiet,
        ),
        words=_WORDS,
    )


def seen(slot: Scope) -> Panel:
    """How many requests the verdict rests on."""
    judged = thresholds(slot.service)
    enough = max(judged[slo]["minimum_requests"] for slo in Slo)
    return number(
        slot.title("Requests judged"),
        [
            Query(
                expr=f"round{_count(names.requests, slot, slo, _page(judged[slo])['long_seconds'])}",
                legend=slo,
            )
            for slo in Slo
        ],
        Reading(says="Requests of the last hour that the verdict rests on.", unit="short", absent=slot.quiet),
        limit=Limit(value=enough, good="above", name=f"{enough}, enough for both promises"),
    )


def _verdict(slot: Scope, slo: Slo, judged: dict[str, Any]) -> str:
    page = _page(judged)
    requests, errors = (_count(name, slot, slo, page["long_seconds"]) for name in (names.requests, names.errors))
    ratio = f"({errors} / ({requests} > 0))"
    now = names.selector(names.ratio(windows.BASE, level="slot"), **slot.labels, slo=slo)
    bad = names.number(page["error_ratio"])
    many = f"({errors} >= {windows.LEAST_FAILURES})"
    cases = {
        _TAKE_BACK: f"({ratio} > {bad} and {now} > {bad} and {many})",
        _FEW: f"({requests} < {judged['minimum_requests']})",
        _OVER: f"({ratio} > {names.number(judged['budget_ratio'])})",
        _GOOD: ratio,
    }
    return " or ".join(f"(0 * {case} + {value})" for value, case in cases.items())


def _count(name: Callable[..., str], slot: Scope, slo: Slo, seconds: int) -> str:
    series = names.selector(name(windows.BASE, level="slot"), **slot.labels, slo=slo)
    return f"(sum_over_time({series}[{seconds}s:{_STEP}s]) * {_STEP})"


def _page(judged: dict[str, Any]) -> dict[str, Any]:
    """The fastest pair of windows at which somebody is woken."""
    return judged["page"][0]
