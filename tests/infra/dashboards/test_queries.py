from __future__ import annotations

from typing import TYPE_CHECKING

import promql_parser
import pytest

from infra.dashboards.series import plain
from infra.slo import exported, names
from tests.infra.dashboards.boards import STACKS, boards, metrics, queries, read

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    """Each stack that has a file."""
    return str(request.param)


def test_every_query_is_promql(stack: str) -> None:
    """Prometheus's own grammar takes every query, those of marks and choices too."""
    for asked in queries(stack):
        promql_parser.parse(asked.expr)
    for expr in _beside_panels(stack):
        promql_parser.parse(plain(expr))


def test_every_recorded_series_is_one_that_the_rules_record(stack: str) -> None:
    """A panel reads a recorded series by the name that the rules of its service give it, its window included."""
    recorded = {name for service in read(stack).services for name in names.recorded(service.objective.window_days)}
    for asked in queries(stack):
        assert {name for name in metrics(asked.expr) if ":" in name} <= recorded, str(asked)


def test_every_metric_is_one_that_something_exports(stack: str) -> None:
    """A panel names a metric that a component of the stack exports, or one of GPUs and says why there are none."""
    there = exported.in_stack(read(stack))
    for asked in queries(stack):
        missing = metrics(asked.expr) - there
        if missing <= exported.DCGM_EXPORTER and missing:
            assert "GPUs" in asked.panel["fieldConfig"]["defaults"]["noValue"], str(asked)
        else:
            assert missing == set(), str(asked)
    for expr in _beside_panels(stack):
        assert metrics(plain(expr)) <= there, expr


@pytest.mark.parametrize(("stack", "expected"), [("local", True), ("prod", False)])
def test_gpus_without_metrics_are_excused_where_they_have_none(stack: str, *, expected: bool) -> None:
    """The panels of real GPUs have no excuse, those of simulated ones have one."""
    excused = {"noValue" in each.panel["fieldConfig"]["defaults"] for each in queries(stack) if "DCGM" in each.expr}
    assert excused == {expected}


def _beside_panels(stack: str) -> Iterator[str]:
    """What dashboards ask besides their panels: the alerts that are marked in graphs, and the choices of a reader."""
    for board in boards(stack).values():
        yield from (mark["expr"] for mark in board["annotations"]["list"])
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield variable["definition"].removeprefix("label_values(").partition(",")[0]
