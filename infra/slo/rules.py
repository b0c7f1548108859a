"""Rules as data, in the shape of Prometheus's rule files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Rule = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """Makes alerts that have all that an alert needs.

    Attributes:
        runbooks: prefix of the runbooks' URLs.
        labels: what each alert carries: its team, and its service if it has one.
    """

    runbooks: str
    labels: Mapping[str, str]

    def alert(  # noqa: PLR0913  # an alert has that many parts
        self,
        name: str,
        expr: str,
        *,
        severity: str,
        summary: str,
        description: str,
        wait: str | None = None,
        **labels: str,
    ) -> Rule:
        """An alerting rule.

        Args:
            name: in CamelCase; the runbook is named like it.
            expr: PromQL; it fires for each series that it has.
            severity: ``page`` wakes somebody, ``ticket`` waits for the morning, ``none`` is for machines.
            summary: one sentence with values, as a Go template.
            description: what it means to users.
            wait: for how long the expression must hold.
            **labels: more labels.
        """
        return {
            "alert": name,
            "expr": expr,
            **({"for": wait} if wait else {}),
            "labels": {"severity": severity, **self.labels, **labels},
            "annotations": {
                "summary": summary,
                "description": description,
                "runbook_url": f"{self.runbooks.rstrip('/')}/{name}.md",
            },
        }


def record(name: str, expr: str, **labels: str) -> Rule:
    """A recording rule."""
    plain = {key: str(value) for key, value in labels.items()}  # YAML takes text, and no enumeration
    return {"record": name, "expr": expr, **({"labels": plain} if plain else {})}


def group(name: str, rules: Sequence[Rule], *, interval: str | None = None) -> dict[str, Any]:
    """A group: its rules are evaluated one after the other, at the same instant.

    Args:
        name: unique in its file.
        rules: in the order of their evaluation.
        interval: between two evaluations; Prometheus's own by default.
    """
    return {"name": name, **({"interval": interval} if interval else {}), "rules": list(rules)}
