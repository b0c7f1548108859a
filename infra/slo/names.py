"""What recording rules, labels and alerts are called: rules, dashboards and canaries take the names from here.

Recorded series are named as Prometheus advises: level, metric, operation.
Source: https://prometheus.io/docs/practices/rules/
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from infra.slo import windows

PREDICT_PATH: Final = "/v1/predict"
"""The route whose latency the objective is about."""
GOOD_CODE: Final = "2xx"
BAD_CODE: Final = "5"
"""Envoy's class of the answers that are a fault of ours."""
BUDGET_LEFT: Final = "service:slo_error_budget_left:ratio"
"""1 at the start, 0 when the objective's window has used it up, negative beyond."""


class Slo(StrEnum):
    """What is promised: the values of the label ``slo``."""

    AVAILABILITY = "availability"
    LATENCY = "latency"


def requests(window: str, *, level: str = "service") -> str:
    """Requests a second that are judged."""
    return f"{level}:slo_requests:rate{window}"


def errors(window: str, *, level: str = "service") -> str:
    """Requests a second that were bad."""
    return f"{level}:slo_errors:rate{window}"


def ratio(window: str, *, level: str = "service") -> str:
    """The share of bad requests, from 0 to 1; no series while nothing is asked."""
    return f"{level}:slo_errors:ratio_rate{window}"


def le(bound: float) -> str:
    """The label of a bucket, as clients write it and as Prometheus keeps it: ``0.25``, ``1.0``."""
    return repr(float(bound))


def number(value: float) -> str:
    """A number as PromQL and people write it: no rounding noise, no trailing zeros."""
    return f"{value:.9g}"


def selector(metric: str, **labels: str) -> str:
    """A metric with the labels that it must have: ``up{job="serving"}``."""
    matchers = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{metric}{{{matchers}}}"


def recorded(window_days: int) -> frozenset[str]:
    """All series that the rules of a service record, for an objective over so many days."""
    all_windows = (*windows.SECONDS, windows.of_objective(window_days))
    of_service = (name(window) for window in all_windows for name in (requests, errors, ratio))
    of_slot = (name(windows.BASE, level="slot") for name in (requests, errors, ratio))
    return frozenset((*of_service, *of_slot, BUDGET_LEFT))
