"""What a person meets before a drill begins: wrong words, a service that is not there, a cluster that is not up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra import settings
from local.errors import ClusterError
from local.faults.command import fault
from local.faults.kinds import KINDS
from local.faults.target import Target
from local.paths import Paths

ROOT = Path(__file__).parents[3]
LOCAL = settings.read("local", ROOT)


@pytest.fixture
def up(tmp_path: Path) -> Paths:
    """The paths of a checkout whose cluster is up."""
    paths = Paths(checkout=tmp_path)
    paths.state.mkdir(parents=True)
    paths.ready_file.write_text(json.dumps({"gateway_port": 31234}), encoding="utf-8")
    return paths


@pytest.mark.parametrize("arguments", [[], ["errors", "--undo"], ["sabotage"], ["errors", "--seconds", "0"]])
def test_wrong_words_are_usage_errors(arguments: list[str]) -> None:
    """Neither a kind nor --undo, both, an unknown kind, no time at all: exit code 2, and nothing is broken."""
    answer = CliRunner().invoke(fault, arguments)
    assert answer.exit_code == 2
    assert "Usage" in answer.output


def test_help_names_every_kind() -> None:
    """With what is broken."""
    output = CliRunner().invoke(fault, ["--help"]).output
    for kind in KINDS.values():
        assert f"{kind.kind:9} {kind.meaning}" in output


def test_the_slot_with_the_most_weight_is_meant(up: Paths) -> None:
    """Of the first service, at the port that the cluster was started with."""
    target = Target.of(LOCAL, up)
    assert (target.service, target.slot, target.name) == ("sentiment", "stable", "sentiment-stable")
    assert target.endpoint == "http://127.0.0.1:31234/sentiment"


def test_an_unknown_service_is_refused_by_a_sentence(up: Paths) -> None:
    """It names those that there are."""
    with pytest.raises(ClusterError, match="has no service summary; there are: sentiment"):
        Target.of(LOCAL, up, "summary")


def test_a_stack_without_services_has_no_target(up: Paths) -> None:
    """Nothing to break."""
    with pytest.raises(ClusterError, match="has no service at all"):
        Target.of(LOCAL.model_copy(update={"services": ()}), up)


def test_a_cluster_that_is_not_up_is_refused_by_a_sentence(tmp_path: Path) -> None:
    """It says what to do."""
    with pytest.raises(ClusterError, match="run `make up`"):
        Target.of(LOCAL, Paths(checkout=tmp_path))
