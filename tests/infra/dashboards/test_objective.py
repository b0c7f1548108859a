from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.dashboards import dashboards
from infra.settings import Objective
from infra.slo import canary
from tests.infra.dashboards.boards import STACKS, boards, panels, read

if TYPE_CHECKING:
    from infra.settings import Settings


def _with(settings: Settings, change: dict[str, Any]) -> Settings:
    """The settings with another objective of the first service."""
    first, *others = settings.services
    objective = Objective.model_validate(first.objective.model_dump() | change)
    return settings.model_copy(update={"services": (first.model_copy(update={"objective": objective}), *others)})


def _lines(board: dict[str, Any]) -> dict[str, list[float]]:
    """The values at which a panel draws a line or changes its colour, by its title."""
    return {
        panel["title"]: [step["value"] for step in thresholds["steps"] if step["value"] is not None]
        for panel in panels(board)
        if (thresholds := panel["fieldConfig"]["defaults"].get("thresholds"))
    }


@pytest.mark.parametrize("stack", STACKS)
def test_lines_are_those_of_the_services_own_objective(stack: str) -> None:
    """The line in a graph is what the stack file promises, in the graph's unit."""
    for service in read(stack).services:
        objective = service.objective
        lines = _lines(boards(stack)[f"service-{service.name}.json"])
        assert lines[f"Availability, {objective.window_days}d"] == pytest.approx([objective.availability / 100])
        assert lines[f"Latency, {objective.window_days}d"] == pytest.approx([objective.latency.quantile / 100])
        assert lines["Latency"] == [objective.latency.seconds]
        assert lines["Errors"] == pytest.approx([1 - objective.availability / 100])
        assert lines["Slow answers"] == pytest.approx([1 - objective.latency.quantile / 100])


@pytest.mark.parametrize("stack", STACKS)
def test_a_release_is_shown_with_the_thresholds_it_is_judged_by(stack: str) -> None:
    """Both slots have a verdict, whose numbers are those of infra.slo's thresholds and stand in its description."""
    for service in read(stack).services:
        judged = canary.thresholds(service)
        found = {panel["title"]: panel for panel in panels(boards(stack)[f"release-{service.name}.json"])}
        for slot in service.release.slot_names:
            verdict = found[f"Verdict, {slot}"]
            for promise, target in zip(("availability", "latency"), verdict["targets"], strict=True):
                for number in (
                    judged[promise]["minimum_requests"],
                    judged[promise]["budget_ratio"],
                    judged[promise]["page"][0]["error_ratio"],
                ):
                    assert f" {number}" in target["expr"]
                assert f"{judged[promise]['minimum_requests']} requests" in verdict["description"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"availability": 97.5}, {"service-sentiment.json", "release-sentiment.json"}),
        ({"latency": {"quantile": 90, "seconds": 0.4}}, {"service-sentiment.json", "release-sentiment.json"}),
        # Both windows have the same fast burn, by which a release is judged.
        ({"window_days": 7}, {"service-sentiment.json"}),
    ],
    ids=["availability", "latency", "window"],
)
def test_another_objective_changes_the_dashboards_of_its_service_alone(
    change: dict[str, Any], expected: set[str]
) -> None:
    """A preview of a changed objective shows the dashboards of that service; the same settings give the same ones."""
    before = read("prod")
    after = dashboards(_with(before, change))
    changed = {name for name, board in boards("prod").items() if after[name] != board}
    assert changed == expected
    assert dashboards(before) == boards("prod")
