"""Panels about what a service promises: how much of it is kept, and how near an alert is.

All of them read what the rules record, so that a panel and an alert never differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.dashboards import panels, queries
from infra.dashboards.panels import Limit, Query, Reading, graph, number
from infra.slo import names, recording, service_alerts, windows
from infra.slo.names import Slo

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

    from infra.dashboards.scope import Scope
    from infra.settings import Service

_PROMISED = {Slo.AVAILABILITY: "answers that are no fault of ours", Slo.LATENCY: "good answers that come in time"}
_BROKEN = {Slo.AVAILABILITY: "errors", Slo.LATENCY: "slow answers"}
_QUIET = "nothing was asked in this time"


def numbers(service: Service) -> list[Panel]:
    """What has been kept over the objective's window, and what may still be broken."""
    window = windows.of_objective(service.objective.window_days)
    return [*(_kept(service, slo, window) for slo in Slo), *(_budget_left(service, slo, window) for slo in Slo)]


def _kept(service: Service, slo: Slo, window: str) -> Panel:
    kept = round(1 - recording.budget(service, slo), 9)
    expr = f"1 - {names.selector(names.ratio(window), service=service.name, slo=slo)}"
    return number(
        f"{slo.capitalize()}, {window}",
        [Query(expr=expr, legend=f"of {window}")],
        Reading(says=f"Share of {_PROMISED[slo]}, over the objective's window.", unit=panels.SHARE, absent=_QUIET),
        limit=Limit(value=kept, good="above", name=f"the objective, {100 * kept:g} %"),
    )


def _budget_left(service: Service, slo: Slo, window: str) -> Panel:
    return number(
        f"{slo.capitalize()} budget left",
        [Query(expr=names.selector(names.BUDGET_LEFT, service=service.name, slo=slo), legend=f"of {window}")],
        Reading(
            says=f"How much of the {_BROKEN[slo]} that the objective allows are still to come: 100 % with none, "
            "below 0 where the objective is broken.",
            unit=panels.SHARE,
            absent=_QUIET,
        ),
        limit=Limit(value=0, good="above", name="an empty budget"),
    )


def broken(scope: Scope, slo: Slo) -> Panel:
    """The share of requests that break the promise."""
    budget = recording.budget(scope.service, slo)
    of_slots = names.selector(names.ratio(windows.BASE, level="slot"), **scope.labels, slo=slo)
    asked = [Query(expr=of_slots, legend="{{slot}}")]
    if scope.slot is None:
        whole = names.selector(names.ratio(windows.BASE), **scope.labels, slo=slo)
        asked.append(Query(expr=whole, legend="all slots"))
    where = (
        "Judged at the gateway, which sees lost pods too."
        if slo is Slo.AVAILABILITY
        else f"Of the good answers, those that took longer than {scope.service.objective.latency.seconds:g} s."
    )
    return graph(
        scope.title(_BROKEN[slo].capitalize()),
        asked,
        Reading(
            says=f"Share of {_BROKEN[slo]} in the last {windows.BASE}. {where}", unit=panels.SHARE, absent=scope.quiet
        ),
        limit=Limit(value=budget, good="below", name=f"what the objective allows on average, {100 * budget:g} %"),
    )


def nearness(service: Service, slo: Slo) -> Panel:
    """How near each burn-rate alert is to firing."""

    def query(pair: windows.BurnWindow) -> Query:
        long, short = (
            names.selector(names.ratio(window), service=service.name, slo=slo) for window in (pair.long, pair.short)
        )
        threshold = names.number(service_alerts.threshold(service, slo, pair))
        return Query(
            expr=f"(({long} < {short}) or {short}) / {threshold}",
            legend=f"{pair.severity}, {pair.long} and {pair.short}",
        )

    return graph(
        f"{slo.capitalize()} budget burn",
        [query(pair) for pair in windows.BURN_WINDOWS],
        Reading(
            says=f"How fast the budget of {_BROKEN[slo]} burns, as a share of the pace at which each alert fires: the "
            "lower of its long and its short window counts, since both must be above.",
            unit=panels.SHARE,
            absent=_QUIET,
        ),
        limit=Limit(value=1, good="below", name="where the alert fires, if enough requests failed to judge by"),
    )


def latency(scope: Scope) -> Panel:
    """The latency that the objective is about, by version."""
    promised = scope.service.objective.latency

    def query(share: float, name: str) -> Query:
        expr = queries.latency(share, scope.matchers, by=queries.VERSION)
        return Query(expr=expr, legend=f"{name}, {{{{slot}}}} {{{{version}}}}", exemplars=True)

    return graph(
        scope.title("Latency"),
        [query(promised.quantile / 100, f"{promised.quantile:g} %"), query(0.5, "median")],
        Reading(
            says=f"Within which time {promised.quantile:g} % and half of the good answers come, in the pods.",
            unit=panels.SECONDS,
            absent=scope.quiet,
        ),
        limit=Limit(
            value=promised.seconds,
            good="below",
            name=f"the objective of {promised.quantile:g} %, {promised.seconds:g} s",
        ),
    )


def budgets_of_all() -> list[Panel]:
    """The budgets of every service, as the overview has them."""
    return [
        number(
            f"{slo.capitalize()} budget left",
            [Query(expr=names.selector(names.BUDGET_LEFT, slo=slo), legend="{{service}}")],
            Reading(
                says=f"How much of the {_BROKEN[slo]} that each objective allows are still to come.",
                unit=panels.SHARE,
                absent=_QUIET,
            ),
            limit=Limit(value=0, good="above", name="an empty budget"),
        )
        for slo in Slo
    ]


def broken_of_all() -> list[Panel]:
    """The share of broken promises of every service, as the overview has it."""
    return [
        graph(
            _BROKEN[slo].capitalize(),
            [Query(expr=names.selector(names.ratio(windows.BASE), slo=slo), legend="{{service}}")],
            Reading(
                says=f"Share of {_BROKEN[slo]} in the last {windows.BASE}. Each service has a line of its own to stay "
                "below: its dashboard shows it.",
                unit=panels.SHARE,
                absent=_QUIET,
            ),
        )
        for slo in Slo
    ]
