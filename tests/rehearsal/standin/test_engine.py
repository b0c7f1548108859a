"""The stand-in under the real engine."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rehearsal.standin.told import VARIABLE, Told
from tools.environment import environment

pytestmark = pytest.mark.tools

ROOT = Path(__file__).resolve().parents[3]
SECRET = "hidden words"  # noqa: S105 what the program beside this file gives the database


class Trial:
    """A stack of the program beside this file, with the stand-in as its plugin."""

    def __init__(self, folder: Path, told: Told) -> None:
        self._folder = folder
        self.told = told
        shutil.copy(Path(__file__).parent / "program" / "__main__.py", folder)
        runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": "trial", "runtime": runtime}))
        (folder / "told.json").write_text(json.dumps({key: str(value) for key, value in asdict(told).items()}))
        program = folder / "home/plugins/resource-aws-v7.51.1/pulumi-resource-aws"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m rehearsal.standin aws "$@"\n')
        program.chmod(0o700)
        self._environment = {
            **os.environ,
            **environment(),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            VARIABLE: str(folder / "told.json"),
        }
        self.ok("stack", "init", "trial")

    def run(self, *arguments: str, **trial: object) -> subprocess.CompletedProcess[str]:
        """Run Pulumi; `trial` is what the program does differently."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--stack", "trial"][: -2 if "init" in arguments else None],
            cwd=self._folder,
            env={**self._environment, "TRIAL": json.dumps(trial)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def ok(self, *arguments: str, **trial: object) -> str:
        """Run Pulumi; fail the test unless it succeeds."""
        done = self.run(*arguments, **trial)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def steps(self, **trial: object) -> dict[str, str]:
        """Preview, and return what would happen to each resource that does not stay the same."""
        steps: list[dict[str, Any]] = json.loads(self.ok("preview", "--json", **trial))["steps"]
        return {step["urn"].split("$")[-1].split("::", 2)[2]: step["op"] for step in steps if step["op"] != "same"}

    def state(self) -> str:
        """Return the state as it is kept, with its secrets encrypted."""
        return self.ok("stack", "export")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """The program, applied."""
    folder = tmp_path_factory.mktemp("trial")
    told = Told(
        account="111122223333",
        endpoint="https://127.0.0.1:6443",
        certificate_authority="Q0E=",
        node_groups=folder / "node-groups",
    )
    made = Trial(folder, told)
    previewed = made.steps()
    assert set(previewed.values()) == {"create"}
    assert len({urn for urn in previewed if urn.startswith("aws:")}) == 15
    said = made.ok("up", "--yes", "--skip-preview")
    assert "this is a stand-in for the aws provider 7.51.1: it reaches no cloud, account 111122223333" in said
    return made


def test_an_update_ends_with_known_outputs_and_secrets_kept(trial: Trial) -> None:
    """Everything that the program exports is there; the password is in the state in no readable form."""
    outputs = json.loads(trial.ok("stack", "output", "--json", "--show-secrets"))
    assert outputs["account"] == "111122223333"
    assert outputs["endpoint"] == "https://127.0.0.1:6443"
    assert outputs["network"].startswith("arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-")
    assert outputs["password"] == SECRET
    assert SECRET not in trial.state()


def test_a_second_update_changes_nothing(trial: Trial) -> None:
    """The same program twice is no change, nor is a refresh."""
    trial.ok("up", "--yes", "--skip-preview", "--expect-no-changes")
    trial.ok("preview", "--refresh", "--expect-no-changes")


def test_a_replacing_property_shows_what_it_takes_along(trial: Trial) -> None:
    """Another address range replaces the network and, in the preview already, everything that cannot move."""
    steps = trial.steps(cidr="10.0.0.0/15")
    replaced = {urn for urn, step in steps.items() if step in {"replace", "create-replacement", "delete-replaced"}}
    assert {"aws:ec2/vpc:Vpc::net", "aws:ec2/subnet:Subnet::a", "aws:eks/nodeGroup:NodeGroup::gpu"} <= replaced
    assert "aws:rds/instance:Instance::feedback" not in steps


def test_a_changed_node_group_is_told_with_its_zones(trial: Trial) -> None:
    """An update of the group alone still knows its subnets' zones and its launch template's type."""
    assert trial.steps(max=5) == {"aws:eks/nodeGroup:NodeGroup::gpu": "update"}
    trial.ok("up", "--yes", "--skip-preview", max=5)
    written = json.loads((trial.told.node_groups / "trial.gpu.json").read_text())
    assert (written["max"], written["instance_types"]) == (5, ["g5.xlarge"])
    assert written["zones"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": "aws:ec2/vpc:Vpc", "arguments": {"cidr": "x"}}, "did you mean cidrBlock?"),
        ({"type": "aws:ec2/subnet:Subnet", "arguments": {}}, "is required and missing"),
        ({"type": "aws:sqs/queue:Queue", "arguments": {}}, "has no resource type aws:sqs/queue:Queue"),
    ],
)
def test_what_is_wrong_stops_the_preview(trial: Trial, wrong: dict[str, object], said: str) -> None:
    """A wrong argument, a missing one and an unknown type end the preview with a sentence."""
    done = trial.run("preview", wrong=wrong)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_the_wrong_account_stops_the_preview(trial: Trial) -> None:
    """Credentials of another account are refused before anything is read."""
    done = trial.run("preview", account="999988887777")
    assert done.returncode != 0
    assert "AWS account ID not allowed: 111122223333" in done.stdout + done.stderr


def test_a_destroyed_stack_leaves_no_node_group(trial: Trial) -> None:
    """What was told to the node maker goes with the stack; this test comes last."""
    trial.ok("destroy", "--yes", "--skip-preview")
    assert list(trial.told.node_groups.iterdir()) == []
