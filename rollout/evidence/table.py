"""A verdict as a table for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich.table import Table

from rollout.evidence.limits import Metric
from rollout.evidence.observations import LOG_ORIGIN_SECONDS
from rollout.evidence.wording import TITLES, amount

if TYPE_CHECKING:
    from rollout.evidence.verdict import MetricVerdict, Verdict

_COLOURS: Final = {"advance": "green", "hold": "yellow", "rollback": "red", "not compared": "dim"}


def verdict_table(verdict: Verdict) -> Table:
    """One row per metric: both sides, the loss with its bounds, what is allowed, and what follows."""
    table = Table(
        title=f"{verdict.decision} after {verdict.requests:,} compared requests",
        caption=verdict.reason,
        title_justify="left",
        caption_justify="left",
    )
    for name in ("metric", "candidate", verdict.reference_slot, "loss", "at least", "at most", "allowed", "verdict"):
        table.add_column(name, justify="left" if name in {"metric", "verdict"} else "right")
    for one in verdict.metrics:
        table.add_row(*_row(one))
    for promise in verdict.guard:
        table.add_row("objective", promise, *[""] * 5, f"[{_COLOURS['rollback']}]rollback[/]")
    return table


def _row(one: MetricVerdict) -> list[str]:
    said = f"[{_COLOURS[one.decision]}]{one.decision}[/]" + ("" if one.decisive else " *")
    if one.estimate is None:
        return [TITLES[one.metric], one.reason, *[""] * 5, said]
    return [
        TITLES[one.metric],
        _level(one.metric, one.candidate),
        _level(one.metric, one.reference),
        *(amount(one.metric, value) for value in (one.estimate, one.lower, one.upper, one.margin)),
        said,
    ]


def _level(metric: Metric, value: float | None) -> str:
    if value is None:
        return ""
    return f"{1000 * LOG_ORIGIN_SECONDS * math.exp(value):.1f} ms" if metric is Metric.LATENCY else f"{value:.2%}"
