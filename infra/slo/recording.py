"""Recording rules of a service: what was asked, what went wrong, and how much of the error budget is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra.slo import names, windows
from infra.slo.names import Slo
from infra.slo.rules import group, record

if TYPE_CHECKING:
    from infra.settings import Service
    from infra.slo.rules import Rule

# Windows of days change slowly and cost more. It is less than half of the time after which a series counts as gone.
_SLOW_INTERVAL: Final = "2m"
_SLOW: Final = ("1d", "3d")
_OF_SERVICE: Final = ("service",)
# The gateway knows slots and no versions.
_OF_SLOT: Final = {Slo.AVAILABILITY: ("service", "slot"), Slo.LATENCY: ("service", "slot", "version")}


def groups(service: Service) -> list[dict[str, Any]]:
    """The groups of recording rules, in the order in which they need each other."""
    fast = [window for window in windows.SECONDS if window not in _SLOW]
    return [
        group(
            f"{service.name}.hours",
            [
                rule
                for slo in Slo
                for rule in (
                    *_counted(service, slo, windows.BASE, level="slot"),
                    *(rule for window in fast for rule in _counted(service, slo, window, level="service")),
                )
            ],
        ),
        group(
            f"{service.name}.days",
            [
                rule
                for slo in Slo
                for rule in (
                    *(rule for window in _SLOW for rule in _counted(service, slo, window, level="service")),
                    *_averaged(service, slo),
                    _budget_left(service, slo),
                )
            ],
            interval=_SLOW_INTERVAL,
        ),
    ]


def budget(service: Service, slo: Slo) -> float:
    """The share of a service's requests that may be bad, from 0 to 1."""
    objective = service.objective
    return windows.budget(objective.availability if slo is Slo.AVAILABILITY else objective.latency.quantile)


def _counted(service: Service, slo: Slo, window: str, *, level: str) -> list[Rule]:
    by = _OF_SERVICE if level == "service" else _OF_SLOT[slo]
    if slo is Slo.AVAILABILITY:
        everything = names.selector("envoy_cluster_upstream_rq_completed", service=service.name)
        bad = names.selector(
            "envoy_cluster_upstream_rq_xx", service=service.name, envoy_response_code_class=names.BAD_CODE
        )
        # Envoy counts a class of answers from the first one on; before, there were none.
        errors = f"{_rate(bad, window, by)} or on ({', '.join(by)}) 0 * {_rate(everything, window, by)}"
    else:
        labels = {"service": service.name, "path": names.PREDICT_PATH, "code": names.GOOD_CODE}
        everything = names.selector("http_request_duration_seconds_count", **labels)
        good = names.selector(
            "http_request_duration_seconds_bucket", **labels, le=names.le(service.objective.latency.seconds)
        )
        requests = names.selector(names.requests(window, level=level), service=service.name, slo=slo)
        errors = f"clamp_min({requests} - on ({', '.join(by)}) {_rate(good, window, by)}, 0)"
    return [
        record(names.requests(window, level=level), _rate(everything, window, by), slo=slo),
        record(names.errors(window, level=level), errors, slo=slo),
        _ratio(service, slo, window, level=level),
    ]


def _averaged(service: Service, slo: Slo) -> list[Rule]:
    """The objective's own window: weeks of counters are too much to read each time, so recorded rates are averaged.

    Each request counts the same: averages of rates are divided, and no average is made of ratios.
    """
    window = windows.of_objective(service.objective.window_days)

    def average(name: str) -> str:
        return f"avg_over_time({names.selector(name, service=service.name, slo=slo)}[{window}])"

    return [
        record(names.requests(window), average(names.requests(windows.BASE)), slo=slo),
        record(names.errors(window), average(names.errors(windows.BASE)), slo=slo),
        _ratio(service, slo, window, level="service"),
    ]


def _ratio(service: Service, slo: Slo, window: str, *, level: str) -> Rule:
    errors, requests = (
        names.selector(name(window, level=level), service=service.name, slo=slo)
        for name in (names.errors, names.requests)
    )
    return record(names.ratio(window, level=level), f"{errors} / ({requests} > 0)", slo=slo)


def _budget_left(service: Service, slo: Slo) -> Rule:
    window = windows.of_objective(service.objective.window_days)
    ratio = names.selector(names.ratio(window), service=service.name, slo=slo)
    return record(names.BUDGET_LEFT, f"1 - {ratio} / {names.number(budget(service, slo))}", slo=slo)


def _rate(selector: str, window: str, by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)}) (rate({selector}[{window}]))"
