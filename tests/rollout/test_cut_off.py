"""A run of the command that is killed, at each of its steps: what is there then, and the way back."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from rollout.journal import Phase
from tests.rollout.world import World, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def prepared(at_rest: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A release that has begun: the candidate is there, without requests."""
    world = at_rest.copy(tmp_path_factory.mktemp("prepared") / "project")
    text = world.stack_file.read_text()
    slot = "        candidate: {version: 0.2.0, replicas: 1, weight: 0}\n"
    head, own, tail = text.partition("          weight: 100\n")
    world.stack_file.write_text(head + own + slot + tail)
    written = world.stack_file.read_text()
    world.pulumi("up", "--yes", "--skip-preview")
    world.stack_file.write_text(written)
    return world


def _check_back(world: World) -> None:
    """Nothing is lost: one version has all requests, everybody says so, and nothing is left behind."""
    told, said = world.run("status")
    assert told["cut_off"] is None, said
    assert [each for each in told["differences"] if "committed" not in each] == [], said
    # A candidate that had requests stays without any, to be looked at; one that had none goes.
    stays = "candidate" in world.slots()
    assert world.slots() == {"stable": "0.1.0", **({"candidate": "0.2.0"} if stays else {})}, said
    assert world.route() == {"stable": 100, **({"candidate": 0} if stays else {})}, said
    assert ("candidate" in world.stack_file.read_text()) is stays
    assert world.slots("other") == {"stable": "0.1.0"}


KILLED_AT = [Phase.PLANNED, Phase.PREVIEWED, Phase.WRITTEN, Phase.APPLYING, Phase.APPLIED, Phase.READY, Phase.DONE]


@pytest.mark.parametrize("phase", KILLED_AT)
def test_killed_between_two_phases(prepared: World, use: Callable[[World], World], phase: Phase) -> None:
    """Whatever was written down last: status says where it stopped, and the way back ends in one consistent state."""
    world = use(prepared)
    world.kill_at(phase, "advance", "--yes")
    told, said = world.run("status")
    ended = phase is Phase.DONE
    assert (told["cut_off"] and told["cut_off"]["phase"]) == (None if ended else phase), said
    world.run("rollback", "--yes")
    _check_back(world)


@pytest.mark.parametrize("engine_dies", [False, True])
def test_killed_in_the_middle_of_an_update(
    prepared: World, use: Callable[[World], World], *, engine_dies: bool
) -> None:
    """An engine that is left is ended by the way back; one that died with the command leaves a lock, taken away."""
    world = use(prepared)
    (world.files / "hold").touch()
    process = world.start("advance", "--yes", "--service", "own")
    wait_for((world.files / "held").exists)
    world.run("status")  # who looks disturbs nobody
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    engines = [each for each in psutil.process_iter() if _is_of(each, world)]
    if engine_dies:
        for each in engines:
            each.kill()
    told, said = world.run("status")
    assert told["cut_off"]["phase"] == Phase.APPLYING, said
    (world.files / "hold").unlink()
    world.run("rollback", "--yes")
    assert not [each for each in engines if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    _check_back(world)


def test_the_lock_of_somebody_else_stays(prepared: World, use: Callable[[World], World]) -> None:
    """Nobody's update is broken into: the command says whose it is."""
    world = use(prepared)
    lock = world.project / "backend" / ".pulumi" / "locks" / "organization" / "inferstack" / "test" / "other.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": 7, "username": "ann", "hostname": "elsewhere", "timestamp": "2026-01-01T00:00:00Z"}
    lock.write_text(json.dumps(holder))
    before = world.stack_file.read_text()
    _, said = world.run("rollback", "--yes", code=1)
    assert "somebody else updates the stack: ann@elsewhere, process 7" in said
    assert lock.exists()
    assert (world.stack_file.read_text(), world.journal()[-1].phase) == (before, Phase.REFUSED)


def _is_of(process: psutil.Process, world: World) -> bool:
    try:
        return process.environ().get("WORLD") == str(world.files)
    except psutil.Error:
        return False
