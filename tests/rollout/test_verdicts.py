"""What the command does by evidence: it goes on, it waits, it takes a version back."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from rollout.errors import ExitCode
from rollout.evidence.simulation.releases import release
from rollout.evidence.simulation.scenario import Scenario
from tests.rollout import stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rollout.world import World

pytestmark = pytest.mark.tools

MINUTES = 60


@pytest.fixture(scope="module")
def begun(at_rest: World, use: Callable[[World], World]) -> World:
    """A release whose candidate has had 5 % of the requests for an hour."""
    world = use(at_rest)
    world.run("advance", "--version", "0.2.0", "--yes")
    world.run("advance", "--yes")
    return world


def _seen(world: World, scenario: Scenario) -> None:
    """Let the step be as old as what Prometheus has of it."""
    earlier = dt.timedelta(minutes=MINUTES, seconds=30)
    lines = [json.loads(line) for line in world.journal_file().read_text().splitlines()]
    for line in lines:
        line["time"] = (dt.datetime.fromisoformat(line["time"]) - earlier).isoformat()
    world.journal_file().write_text("".join(json.dumps(line) + "\n" for line in lines))
    series = stored.counters(release(scenario, seed=1), reference="stable", service="own")
    since = world.journal()[-1].time.timestamp()
    (world.files / "prometheus.json").write_text(json.dumps({"since": since, "series": series}))


def test_a_good_version_goes_on_and_a_new_step_waits(begun: World, use: Callable[[World], World]) -> None:
    """With evidence `advance` takes the step; of a step that has just begun nothing is known, and `watch` gives up."""
    world = use(begun)
    _seen(world, Scenario(minutes=MINUTES, history_minutes=0))
    told, said = world.run("advance", "--yes")
    assert (told["verdict"]["decision"], world.route()) == ("advance", {"stable": 80, "candidate": 20}), said
    told, said = world.run("watch", "--yes", "--hold-minutes", "0", "--every", "1", code=ExitCode.HOLD)
    assert (told["verdict"]["decision"], world.route()) == ("hold", {"stable": 80, "candidate": 20}), said


def test_a_bad_version_is_taken_back(begun: World, use: Callable[[World], World]) -> None:
    """`watch` leads requests back, in the stack file too, and says by what; the version stays to be looked at."""
    world = use(begun)
    _seen(world, Scenario(minutes=MINUTES, history_minutes=0, error_factor=4.0))
    told, said = world.run("watch", "--yes", code=ExitCode.ROLLED_BACK)
    against = [each["metric"] for each in told["verdict"]["metrics"] if each["decision"] == "rollback"]
    assert (against, world.route()) == (["errors"], {"stable": 100, "candidate": 0}), said
    assert "weight: 0" in world.stack_file.read_text()
    assert "errors" in str(world.journal()[-1].reason)


def test_how_much_two_versions_agree_is_the_stack_files(begun: World, use: Callable[[World], World]) -> None:
    """Agreement of 90 % is enough by default, and a loss for a service whose versions are expected to agree always."""
    world = use(begun)
    text = world.stack_file.read_text()
    world.stack_file.write_text(text.replace("pause_minutes: 0\n", "pause_minutes: 0\n        agreement: 100\n", 1))
    _seen(world, Scenario(minutes=MINUTES, history_minutes=0, agreement=0.9))
    told, said = world.run("advance", "--yes", "--keep", code=ExitCode.ROLLED_BACK)
    against = [each["metric"] for each in told["verdict"]["metrics"] if each["decision"] == "rollback"]
    assert (against, world.route()) == (["agreement"], {"stable": 95, "candidate": 5}), said
