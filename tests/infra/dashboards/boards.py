"""The dashboards of every stack file, and what their panels ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import promql_parser

from infra import settings
from infra.dashboards import dashboards
from infra.dashboards.series import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[3]
STACKS: Final = ("local", "dev", "staging", "prod")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One query of one panel."""

    board: str
    panel: dict[str, Any]
    expr: str

    def __str__(self) -> str:
        return f"{self.board}: {self.panel['title']}: {self.expr}"


@cache
def read(stack: str) -> settings.Settings:
    """The settings of a stack's own file."""
    return settings.read(stack, ROOT)


@cache
def boards(stack: str) -> dict[str, dict[str, Any]]:
    """The dashboards of a stack's own file."""
    return dashboards(read(stack))


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def queries(stack: str) -> Iterator[Asked]:
    """Every query of every panel of a stack, as Prometheus would get it."""
    for name, board in boards(stack).items():
        for panel in panels(board):
            for target in panel["targets"]:
                yield Asked(board=name, panel=panel, expr=plain(target["expr"]))


def selectors(expr: str) -> list[promql_parser.VectorSelector]:
    """The series that a query selects.

    Raises:
        ValueError: the query is no PromQL.
    """
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def metrics(expr: str) -> set[str]:
    """The names of the metrics that a query names."""
    return {selector.name for selector in selectors(expr) if selector.name}
