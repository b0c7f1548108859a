"""The command on a real engine, with a program that keeps files instead of a cluster."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.rollout.world import SERVICE

if TYPE_CHECKING:
    from tests.rollout.world import World

pytestmark = pytest.mark.tools


def _git(world: World, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=world.project, capture_output=True, text=True, check=True).stdout


def test_a_canary_begins_and_goes_back(fresh: World) -> None:
    """A version comes, takes a share and is taken back: the split is seen, and file, Git and service agree at the end.

    Without Prometheus there is no verdict, so nothing goes forward but by force, with a reason that is kept.
    """
    before = fresh.stack_file.read_text()
    _git(fresh, "config", "user.name", "t")
    _git(fresh, "config", "user.email", "t@example.com")
    told, said = fresh.run("advance", "--version", "0.2.0", "--yes")
    assert (told["step"], fresh.route()) == ("prepare", {"stable": 100, "candidate": 0}), said
    told, said = fresh.run("advance", "--yes", "--commit", "release")
    assert (told["step"], fresh.route()) == ("advance", {"stable": 95, "candidate": 5}), said
    assert told["verified"]["problems"] == []
    assert _git(fresh, "show", f"release:{fresh.stack_file.name}") == fresh.stack_file.read_text()
    assert _git(fresh, "status", "--porcelain") == f" M {fresh.stack_file.name}\n"

    told, _ = fresh.run("advance", "--yes", code=3)
    assert "Prometheus" in told["why"]
    told, said = fresh.run("advance", "--yes", "--force", "--reason", "Prometheus is down")
    assert (fresh.route(), fresh.journal()[-1].reason) == ({"stable": 80, "candidate": 20}, "Prometheus is down"), said

    fresh.run("rollback", "--yes", "--reason", "just so")
    assert (fresh.route(), fresh.slots()["candidate"]) == ({"stable": 100, "candidate": 0}, "0.2.0")
    told, _ = fresh.run("abort", "--yes")
    assert fresh.slots() == {"stable": "0.1.0"}
    assert (fresh.stack_file.read_text(), told["patch"]) == (before, "")
    told, _ = fresh.run("rollback", "--yes")
    assert told["after"] == told["before"]


def test_what_belongs_to_others_stops_a_step_and_no_rollback(fresh: World) -> None:
    """A step that would change more is refused and says what; the way back leaves all of that as it is.

    The other service's change in the stack file is not even recorded as deployed.
    """
    fresh.run("advance", "--version", "0.2.0", "--yes")
    (fresh.files / "drift").write_text("1.0.0")
    head, other, tail = fresh.stack_file.read_text().partition("strategy: canary  # other\n")
    changed = head + other + tail.replace("replicas: 1", "replicas: 2")
    fresh.stack_file.write_text(changed)
    _, said = fresh.run("advance", "--yes", code=1)
    assert all(name in said for name in ("would change more than own", "Deployment other (create)", "other-stable")), (
        said
    )
    assert fresh.stack_file.read_text() == changed
    assert fresh.route()["candidate"] == 0

    fresh.run("rollback", "--yes")
    assert fresh.slots() == {"stable": "0.1.0"}
    assert not (fresh.files / "other.json").exists()
    outputs = json.loads(fresh.pulumi("stack", "output", "--json"))["releases"]
    assert outputs["own"]["slots"].keys() == {"stable"}
    assert outputs["other"]["slots"]["stable"]["replicas"] == 1
    assert "replicas: 2" in fresh.stack_file.read_text()


def test_another_service_that_is_to_become_another_holds_up_no_way_back(fresh: World) -> None:
    """Its strategy changes in the file, and a third one comes: neither is recorded as deployed, the way back is."""
    fresh.run("advance", "--version", "0.2.0", "--yes")
    fresh.run("advance", "--yes")
    head, other, tail = fresh.stack_file.read_text().partition("strategy: canary  # other\n")
    tail = tail.replace("pause_minutes: 0", "keep_minutes: 5").replace("baseline: false", "")
    tail = tail.replace("stable:", "blue:")
    changed = head + other.replace("canary", "blue_green") + tail + SERVICE.format(name="third")
    fresh.stack_file.write_text(changed)
    fresh.run("rollback", "--yes")
    outputs = json.loads(fresh.pulumi("stack", "output", "--json"))["releases"]
    assert {name: record["strategy"] for name, record in outputs.items()} == {"own": "canary", "other": "canary"}
    told, said = fresh.run("status")
    [candidate] = [row["deployed"] for row in told["slots"] if row["slot"] == "candidate"]
    assert (candidate["version"], candidate["weight"]) == ("0.2.0", 0), said
    assert not [each for each in told["differences"] if "committed" not in each]
    assert "blue_green  # other" in fresh.stack_file.read_text()


def test_a_version_that_never_becomes_ready_is_led_back(fresh: World) -> None:
    """The step fails, says how to go back, and going back does not wait for what is broken; a rule refuses first."""
    before = fresh.stack_file.read_text()
    _, said = fresh.run("advance", "--version", "6.6.6", "--yes", code=1)
    assert "6.6.6 is not allowed. Allowed: any other version" in said
    assert fresh.stack_file.read_text() == before
    (fresh.files / "broken-0.3.0").touch()
    _, said = fresh.run("advance", "--version", "0.3.0", "--yes", code=1)
    assert "the pods did not become ready" in said
    assert "rollback --stack test --service own" in said
    told, _ = fresh.run("status")
    assert told["differences"], "the stack file is ahead of what is deployed"
    fresh.run("rollback", "--yes")
    assert (fresh.slots(), fresh.stack_file.read_text()) == ({"stable": "0.1.0"}, before)


def test_the_way_back_asks_nothing_of_what_it_leads_back_from(fresh: World) -> None:
    """The candidate's pods are ready and fail all that they are asked: requests are back, and the command says so."""
    fresh.run("advance", "--version", "0.2.0", "--yes")
    fresh.run("advance", "--yes")
    (fresh.files / "failing-0.2.0").touch()
    told, said = fresh.run("rollback", "--yes", "--reason", "it answers 500")
    assert (told["verified"]["problems"], fresh.route()) == ([], {"stable": 100, "candidate": 0}), said
    assert fresh.journal()[-1].phase == "done"


def test_a_mistake_is_a_sentence_and_code_2(fresh: World) -> None:
    """A word that is no version changes nothing."""
    _, said = fresh.run("advance", "--version", "latest", "--yes", code=2)
    assert "version: 'latest' is not allowed" in said
    assert fresh.slots() == {"stable": "0.1.0"}
