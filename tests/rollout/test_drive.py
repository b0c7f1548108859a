"""The command on a real engine, with a program that keeps files instead of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.rollout.world import World

pytestmark = pytest.mark.tools


def test_a_canary_begins_and_goes_back(fresh: World) -> None:
    """A version comes without requests, takes a share, and a rollback takes it away: file, Git and service agree."""
    before = fresh.stack_file.read_text()
    told, said = fresh.run("advance", "--version", "0.2.0", "--yes")
    assert told["step"] == "prepare", said
    told, said = fresh.run("advance", "--yes")
    assert (told["step"], fresh.route()) == ("advance", {"stable": 95, "candidate": 5}), said
    assert told["verified"]["problems"] == []
    told, _ = fresh.run("status")
    assert told["differences"][1:] == [], said
    told, said = fresh.run("rollback", "--yes", "--reason", "just so")
    assert fresh.route() == {"stable": 100, "candidate": 0}
    told, said = fresh.run("abort", "--yes")
    assert fresh.slots() == {"stable": "0.1.0"}
    assert (fresh.stack_file.read_text(), told["patch"]) == (before, "")
