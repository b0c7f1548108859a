"""The runbooks: one for each alert, named like it, and those of planned work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
import yaml

from infra import settings, slo
from infra.slo import exported

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
STACKS = ("local", "dev", "staging", "prod")
# Alerts are named like `QueueSaturated`, other documents like `lost-state`.
_ALERT = re.compile(r"[A-Z][a-z]+([A-Z][a-z]+)*")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule that Prometheus evaluates in a stack.

    Attributes:
        name: of the alert, or of the series that it records.
        alerts: whether it is an alert.
        expression: in PromQL.
        severity: of an alert.
    """

    name: str
    alerts: bool
    expression: str
    severity: str


def of_alerts() -> list[Path]:
    """Those that an alert links to."""
    return sorted(path for path in FOLDER.glob("*.md") if _ALERT.fullmatch(path.stem))


def of_operations() -> list[Path]:
    """The index, and those of planned work and of accidents."""
    return sorted(set(FOLDER.glob("*.md")) - set(of_alerts()))


def names(expressions: Iterable[str]) -> set[str]:
    """The series that expressions ask for.

    Raises:
        ValueError: one of them is no PromQL.
    """
    found = set[str]()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            found.add(node.name)

    for expression in expressions:
        promql_parser.walk(promql_parser.parse(expression), visit)
    return found


@cache
def known() -> frozenset[str]:
    """The series that are there in some stack: exported, or recorded by a rule."""
    return frozenset[str]().union(*(exported.in_stack(settings.read(stack, ROOT)) for stack in STACKS))


@cache
def rules() -> tuple[Rule, ...]:
    """All rules of all stacks."""
    return tuple(rule for stack in STACKS for rule in _rules(stack))


def _rules(stack: str) -> Iterator[Rule]:
    for name, text in slo.render(settings.read(stack, ROOT)).items():
        if not name.endswith("/rules.yaml"):
            continue
        document: Any = yaml.safe_load(text)
        for rule in (rule for group in document["groups"] for rule in group["rules"]):
            yield Rule(
                name=rule.get("alert") or rule["record"],
                alerts="alert" in rule,
                expression=rule["expr"],
                severity=rule.get("labels", {}).get("severity", ""),
            )
