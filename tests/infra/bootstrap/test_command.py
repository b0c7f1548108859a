"""``python -m infra.bootstrap``, as people run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from moto.core.models import DEFAULT_ACCOUNT_ID

from infra.bootstrap import __main__ as command
from tests import moto_server
from tests.infra.bootstrap.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BUCKET = f"inferstack-dev-state-{DEFAULT_ACCOUNT_ID}"
STEPS = 12


@pytest.fixture
def _here(stack_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ROOT", stack_file.parent)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(command.main, arguments, catch_exceptions=False)


@pytest.mark.usefixtures("aws", "_here")
def test_apply_says_what_it_made_and_then_that_there_is_nothing_to_do() -> None:
    """The first run shows a line for each thing that it makes; the second finds all of it."""
    first = _run("--stack", "dev")
    assert first.exit_code == 0
    lines = first.stdout.splitlines()
    assert "made    key" in lines
    assert "made    bucket" in lines
    assert re.match(rf"made \d+ of {STEPS}; next: pulumi stack init", lines[-1])
    second = _run("apply", "--stack", "dev")
    assert second.exit_code == 0
    assert [line.split()[0] for line in second.stdout.splitlines()[:-1]] == ["there"] * STEPS
    assert second.stdout.splitlines()[-1] == "nothing to do"


@pytest.mark.usefixtures("aws", "_here")
def test_json_says_the_same() -> None:
    """With --json one document holds where the state is and what was done for each step."""
    document = json.loads(_run("apply", "--stack", "dev", "--json").stdout)
    assert document["bucket"] == BUCKET
    assert document["backend_url"] == f"s3://{BUCKET}?region=eu-central-1"
    assert document["secrets_provider"] == "awskms://alias/inferstack-dev-secrets?region=eu-central-1"
    assert len(document["steps"]) == STEPS
    assert set(json.loads(_run("check", "--stack", "dev", "--json").stdout)["steps"].values()) == {"there"}


@pytest.mark.usefixtures("aws", "_here")
def test_check_names_the_missing_bucket_and_what_makes_it() -> None:
    """A missing state bucket is one sentence with its key, and an exit code of its own."""
    before = _run("check", "--stack", "dev")
    assert before.exit_code == 3
    assert before.stderr == (
        f"Pulumi.dev.yaml:5: inferstack:aws.account: the state bucket {BUCKET} is missing in account "
        f"{DEFAULT_ACCOUNT_ID}. Make it with: python -m infra.bootstrap apply --stack dev.\n"
    )
    _run("apply", "--stack", "dev")
    after = _run("check", "--stack", "dev")
    assert after.exit_code == 0
    assert after.stdout.splitlines()[-1] == "everything is there"


@pytest.mark.usefixtures("_here")
def test_env_is_what_a_shell_evaluates() -> None:
    """What `env` prints sets backend, secrets provider and region, and asks AWS nothing."""
    printed = _run("env", "--stack", "dev").stdout
    script = f'{printed}\necho "$PULUMI_BACKEND_URL $INFERSTACK_SECRETS_PROVIDER $AWS_REGION"'
    shown = subprocess.run(["sh", "-euc", script], check=True, capture_output=True, text=True).stdout
    assert shown.split() == [
        f"s3://{BUCKET}?region=eu-central-1",
        "awskms://alias/inferstack-dev-secrets?region=eu-central-1",
        "eu-central-1",
    ]
    assert "pulumi stack init dev --secrets-provider='awskms://" in printed
    assert json.loads(_run("env", "--stack", "dev", "--json").stdout)["AWS_REGION"] == "eu-central-1"


def test_each_stack_has_a_backend_and_a_key_of_its_own() -> None:
    """No two stacks share a bucket or a key."""
    documents = [json.loads(_run("env", "--stack", stack, "--json").stdout) for stack in ("dev", "staging", "prod")]
    for name in ("PULUMI_BACKEND_URL", "INFERSTACK_SECRETS_PROVIDER"):
        assert len({document[name] for document in documents}) == 3


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--stack", "nowhere"], 1, "Pulumi.nowhere.yaml: no such stack file. Stacks: dev"),
        ([], 2, "Usage:"),
        (["apply"], 2, "Missing option '--stack'"),
        (["--stak", "dev"], 2, "No such option"),
        (["destroy", "--stack", "dev"], 2, "No such command 'destroy'"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], code: int, sentence: str) -> None:
    """A wrong stack is 1, a wrong option 2, each with what is wrong."""
    result = _run(*arguments)
    assert result.exit_code == code
    assert sentence in result.stderr


def test_a_stack_that_is_not_on_aws_has_nothing_to_make() -> None:
    """The local stack keeps its state on this machine."""
    result = _run("--stack", "local")
    assert result.exit_code == 1
    assert 'inferstack:cluster.kind: "embedded" has no state in AWS' in result.stderr


def test_help_needs_no_credentials() -> None:
    """--help tells the commands and the exit codes."""
    for arguments in (["--help"], ["apply", "--help"], ["check", "-h"], ["env", "-h"]):
        assert _run(*arguments).exit_code == 0
    text = _run("--help").stdout
    for word in ("apply", "check", "env", "Exit status"):
        assert word in text


def test_the_command_runs_twice_against_a_server(tmp_path: Path) -> None:
    """As a process of its own, with the real stack file: made, nothing to do, everything there."""
    with moto_server.serve("111111111111", tmp_path / "moto.log") as url:

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "infra.bootstrap", *arguments, "--stack", "dev"],
                cwd=ROOT,
                env=os.environ | {"AWS_ENDPOINT_URL": url},
                capture_output=True,
                text=True,
                check=False,
            )

        assert run("check").returncode == 3
        first, second, check = run("apply"), run("apply"), run("check")
    assert (first.returncode, second.returncode, check.returncode) == (0, 0, 0)
    assert first.stdout.splitlines()[-1].startswith("made ")
    assert second.stdout.splitlines()[-1] == "nothing to do"
    assert check.stdout.splitlines()[-1] == "everything is there"
    assert first.stderr == second.stderr == check.stderr == ""
