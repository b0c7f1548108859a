"""Answers of a Prometheus that holds counters by the minute. Of the standard library alone: kubectl.py runs it too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MINUTE = 60.0


def answer(  # noqa: PLR0913, PLR0917 - what a range query consists of, and of what
    series: Iterable[tuple[dict[str, str], Sequence[float | None]]],
    since: float,
    query: str,
    start: float,
    end: float,
    step: float,
) -> list[dict[str, Any]]:
    """The series that a selector picks by its labels; all that is no selector gives none.

    Args:
        series: labels, of which ``name`` is the metric's, and a value for each minute; None where there is none.
        since: when the first minute is, in seconds since 1970.
        query: a selector.
        start: in seconds since 1970.
        end: likewise.
        step: in seconds.
    """
    name, brace, rest = query.partition("{")
    if not brace or "(" in name:
        return []
    matchers = [part.split("=", 1) for part in rest.rstrip("}").replace('"', "").split(",")]
    wanted = {label: value.lstrip("~").split("|") for label, value in matchers if not label.endswith("!")}
    at = [round((start + step * n - since) / MINUTE) for n in range(round((end - start) / step) + 1)]
    return [
        {
            "metric": labels,
            "values": [
                (since + MINUTE * minute, repr(value))
                for minute in at
                if 0 <= minute < len(values) and (value := values[minute]) is not None
            ],
        }
        for labels, values in series
        if labels["name"] == name and all(labels[label] in values for label, values in wanted.items())
    ]
