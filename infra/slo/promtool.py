"""The shape of promtool's unit tests.

Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Series = dict[str, str]
Check = dict[str, Any]
EACH_MINUTE: Final = "1m"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A test: what happens, and what must fire when.

    Attributes:
        name: the requirement.
        series: what pods and exporters say.
        checks: of the series of rules and alerts.
        alerts: of alerts with their annotations.
        interval: between two samples of the series.
        evaluation: between two evaluations of all rules; promtool takes longer the more there are.
    """

    name: str
    series: Sequence[Series]
    checks: Sequence[Check] = ()
    alerts: Sequence[Check] = ()
    interval: str = "1m"
    evaluation: str = EACH_MINUTE

    def as_data(self) -> dict[str, Any]:
        """As promtool reads it."""
        return {
            "name": self.name,
            "interval": self.interval,
            "input_series": list(self.series),
            **({"promql_expr_test": list(self.checks)} if self.checks else {}),
            **({"alert_rule_test": list(self.alerts)} if self.alerts else {}),
        }


def files(cases: Iterable[Case], *, rules: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Test files, by the time between two evaluations, of which a file has one.

    Args:
        cases: their tests.
        rules: the rule file.
        name: of the rule file, beside the test files.
    """
    found: dict[str, dict[str, Any]] = {}
    for case in cases:
        file = found.setdefault(
            case.evaluation,
            {
                "rule_files": [name],
                "evaluation_interval": case.evaluation,
                # Else promtool evaluates groups in an order of its own, different each time.
                "group_eval_order": [each["name"] for each in rules["groups"]],
                "fuzzy_compare": True,
                "tests": [],
            },
        )
        file["tests"].append(case.as_data())
    return found


def series(metric: str, values: str, labels: Mapping[str, str] | None = None, **more: str) -> Series:
    """One input series; values in promtool's notation."""
    return {"series": f"{metric}{_labels({**(labels or {}), **more})}", "values": values}


def counter(*phases: tuple[int, float], start: float = 0) -> str:
    """A counter's samples: so many, each so much more than the one before.

    Args:
        *phases: number of samples, and rise from one to the next.
        start: the first value.
    """
    parts: list[str] = []
    value = start
    for samples, rise in phases:
        parts.append(f"{value:.9g}+{rise:.9g}x{samples - 1}")
        value += samples * rise
    return " ".join(parts)


def constant(value: float, samples: int) -> str:
    """So many samples of one value."""
    return f"{value:.9g}x{samples - 1}"


def firing(alert: str, at: str, *expected: Mapping[str, str], only: Mapping[str, str] | None = None) -> Check:
    """At that time exactly these alerts fire.

    Args:
        alert: the name.
        at: the time, as a duration from the start.
        *expected: the labels of each.
        only: look at alerts with these labels alone.
    """
    selected = {"alertname": alert, "alertstate": "firing", **(only or {})}
    samples = [
        {"labels": f"ALERTS{_labels({'alertname': alert, 'alertstate': 'firing', **labels})}", "value": 1}
        for labels in expected
    ]
    return {"expr": f"ALERTS{_labels(selected)}", "eval_time": at, "exp_samples": samples}


def value(expr: str, at: str, *expected: tuple[Mapping[str, str], float]) -> Check:
    """At that time a query has exactly these series, by their labels, with these values."""
    samples = [{"labels": _labels(labels), "value": number} for labels, number in expected]
    return {"expr": expr, "eval_time": at, "exp_samples": samples}


def about(expr: str, at: str, labels: Mapping[str, str], expected: float) -> Check:
    """At that time a query has that value, but for rounding, and no other series."""
    return value(f"abs({expr} - {expected:.9g}) <= bool {abs(expected) * 1e-6:.3g}", at, (labels, 1))


def minutes(count: float) -> str:
    """A duration of so many minutes."""
    return f"{round(count)}m"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{key}="{text}"' for key, text in labels.items()) + "}"
