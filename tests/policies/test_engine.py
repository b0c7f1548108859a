"""The pack under the real engine: what it stops, what it lets pass, and what it says of what is not known yet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tools.environment import environment

pytestmark = pytest.mark.tools

ROOT: Final = Path(__file__).resolve().parents[2]
PINNED: Final = f"registry.example/sentiment@sha256:{'0' * 64}"
DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
DAEMON_SET: Final = "kubernetes:apps/v1:DaemonSet"


@dataclass(frozen=True)
class Outcome:
    """What a run of the engine came to.

    Attributes:
        exit_code: 0 if nothing stopped it.
        output: what a person sees.
        violations: rule, enforcement and kind of resource of each violation, from the machine-readable log.
        passed: rules that passed the Deployment, from the same.
    """

    exit_code: int
    output: str
    violations: set[tuple[str, str, str]]
    passed: set[str]


class Stack:
    """A stack of the program beside this file, in a folder and a backend of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        backend = folder / "backend"
        backend.mkdir()
        shutil.copy(Path(__file__).parent / "program" / "__main__.py", folder)
        runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": "policed", "runtime": runtime}))
        self._environment = {
            **os.environ,
            **environment(),
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        made = self._pulumi("stack", "init")
        assert made.returncode == 0, made.stderr

    def run(self, command: str, *arguments: str, **config: str) -> Outcome:
        """Preview or update under the pack with this configuration."""
        values = {"directory": str(self._folder / "rendered"), "image": PINNED, **config}
        settings = {f"policed:{key.replace('_', '-')}": value for key, value in values.items()}
        (self._folder / "Pulumi.test.yaml").write_text(json.dumps({"config": settings}))
        log = self._folder / "events.json"
        log.unlink(missing_ok=True)
        pack = str(ROOT / "policies")
        done = self._pulumi(command, *arguments, "--policy-pack", pack, "--event-log", str(log), "--color", "never")
        events: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
        return Outcome(
            exit_code=done.returncode,
            output=done.stdout + done.stderr,
            violations={_violation(event["policyEvent"]) for event in events if "policyEvent" in event},
            passed={
                rule for event in events for rule in _passed_for_deployment(event.get("policyAnalyzeSummaryEvent", {}))
            },
        )

    def rendered(self) -> list[Path]:
        """The manifests of what has been deployed."""
        return list((self._folder / "rendered").rglob("*.yaml"))

    def _pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--stack", "test"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def _violation(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["policyName"], event["enforcementLevel"], event["resourceUrn"].split("::")[-2].split("$")[-1]


def _passed_for_deployment(summary: dict[str, Any]) -> list[str]:
    return summary.get("passed", []) if f"{DEPLOYMENT}::" in summary.get("resourceUrn", "") else []


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack of which nothing exists yet."""
    return Stack(tmp_path)


def test_what_is_allowed_comes_up(stack: Stack) -> None:
    """A stack that keeps all rules is applied without a word from the pack."""
    outcome = stack.run("up", "--yes")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.violations == set()
    assert any("deployment" in path.name for path in stack.rendered())
    assert {"image-digest", "security-context", "container-resources"} <= outcome.passed


def test_a_missing_security_context_stops_the_update(stack: Stack) -> None:
    """The output names the rule, the resource, the reason and what to do, and nothing is deployed."""
    outcome = stack.run("up", "--yes", without_security_context="true")
    assert outcome.exit_code != 0
    assert outcome.violations == {("security-context", "mandatory", DEPLOYMENT)}
    assert f"[mandatory]  security-context  ({DEPLOYMENT}: sentiment)" in outcome.output
    assert f"security-context: {DEPLOYMENT} sentiment" in outcome.output
    assert "securityContext.runAsNonRoot must be true; found nothing" in outcome.output
    assert "to do: set runAsNonRoot" in outcome.output


def test_an_image_by_tag_stops_the_update(stack: Stack) -> None:
    """Pinning by tag fails on the digest rule alone."""
    outcome = stack.run("up", "--yes", image="registry.example/sentiment:0.1.0")
    assert outcome.exit_code != 0
    assert outcome.violations == {("image-digest", "mandatory", DEPLOYMENT)}
    assert 'containers[server].image must name the image by its digest (name@sha256:…); found "reg' in outcome.output


def test_a_secret_in_the_environment_is_seen_and_not_repeated(stack: Stack) -> None:
    """What Pulumi keeps encrypted is a secret, however harmless its name."""
    outcome = stack.run("preview", greeting_is_encrypted="true")
    assert outcome.violations == {("secret-in-env", "mandatory", DEPLOYMENT)}
    assert "hunter2" not in outcome.output


def test_an_unknown_image_is_undecided_at_preview_and_passes_at_the_update(stack: Stack) -> None:
    """A preview says aloud what it could not decide, counts it as passed nowhere, and the update decides it."""
    preview = stack.run("preview", image_known_at_update="true")
    assert preview.exit_code == 0, preview.output
    assert preview.violations == {("undecided", "advisory", DEPLOYMENT)}
    for rule in ("image-digest", "image-no-latest"):
        assert f"{rule}: spec.template.spec.containers[server].image must" in preview.output
    assert f"undecided: {DEPLOYMENT} sentiment" in preview.output
    assert "that is not known before the update" in preview.output
    assert not {"image-digest", "image-no-latest"} & preview.passed
    assert "security-context" in preview.passed

    update = stack.run("up", "--yes", "--skip-preview", image_known_at_update="true")
    assert update.exit_code == 0, update.output
    assert update.violations == set()
    assert {"image-digest", "image-no-latest"} <= update.passed


def test_an_unknown_image_that_turns_out_wrong_stops_the_update(stack: Stack) -> None:
    """Undecided at preview is no pass: the update fails before the Deployment is made."""
    outcome = stack.run("up", "--yes", image="registry.example/sentiment:0.1.0", image_known_at_update="true")
    assert outcome.exit_code != 0
    # The log of an `up` tells of the update alone; the preview before it is in the output.
    assert f"[advisory]  undecided  ({DEPLOYMENT}: sentiment)" in outcome.output
    assert outcome.violations == {("image-digest", "mandatory", DEPLOYMENT)}
    assert "deployment" not in " ".join(path.name for path in stack.rendered())


def test_an_unknown_hides_no_failure(stack: Stack) -> None:
    """A rule that meets an unknown in one place still fails the preview for what is known in another."""
    outcome = stack.run("preview", image_known_at_update="true", without_security_context="true")
    assert outcome.exit_code != 0
    assert outcome.violations == {("undecided", "advisory", DEPLOYMENT), ("security-context", "mandatory", DEPLOYMENT)}


def test_what_is_exempted_passes_and_is_told(stack: Stack) -> None:
    """An exempted setting stops nothing, and each preview says what it is, who answers for it and until when."""
    outcome = stack.run("preview", device_plugin_folder="/var/lib/kubelet/device-plugins")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.violations == {("exempted", "advisory", DAEMON_SET)}
    for part in (
        "host-isolation: ",
        "security-context: ",
        "/var/lib/kubelet/device-plugins",
        "platform team, until 20",
    ):
        assert part in outcome.output


def test_an_exemption_covers_what_it_says_and_nothing_else(stack: Stack) -> None:
    """The same resource with another folder of the node is stopped."""
    outcome = stack.run("preview", device_plugin_folder="/")
    assert outcome.exit_code != 0
    assert ("host-isolation", "mandatory", DAEMON_SET) in outcome.violations
