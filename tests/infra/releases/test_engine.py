"""What is deployed is known before anything changes: own outputs, lines of the stack file and rules, at a preview."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tools.environment import environment

pytestmark = pytest.mark.tools

ROOT: Final = Path(__file__).resolve().parents[3]
STABLE: Final = """\
        stable:
          version: 0.1.0
          replicas: 1
          weight: 100
"""


def _weights(stable: int, candidate: int) -> str:
    return STABLE.replace("100", str(stable)) + STABLE.replace("100", str(candidate)).replace(
        "stable", "candidate"
    ).replace("0.1.0", "0.2.0")


class Stack:
    """The local stack's file with another release, and a backend of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "Pulumi.test.yaml"
        (folder / "backend").mkdir()
        shutil.copy(Path(__file__).parent / "program.py", folder / "__main__.py")
        runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": "inferstack", "runtime": runtime}))
        self.environment = {
            **os.environ,
            **environment(),
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PYTHONPATH": str(ROOT),
            "STACK_FOLDER": str(folder),
        }
        made = self._pulumi("stack", "init")
        assert made.returncode == 0, made.stderr

    def write(self, release: str = STABLE, changes: object = None, **told: object) -> None:
        """Set the stack file: a canary's slots, the rules of change, and what the program is told to do wrong."""
        text = (ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8")
        assert text.count(STABLE) == 1
        text = text.replace(STABLE, release)
        if changes:
            text += f"  inferstack:changes: {json.dumps(changes)}\n"
        self.file.write_text(text + "".join(f"  test:{key}: {json.dumps(value)}\n" for key, value in told.items()))

    def line(self, key: str, *, last: bool = False) -> int:
        """The number of the line with that key, the first or the last of them."""
        found = [number for number, line in enumerate(self.file.read_text().splitlines(), 1) if f" {key}:" in line]
        return found[-1 if last else 0]

    def up(self, *arguments: str) -> str:
        """Update without a preview or rules; what is said."""
        return self._said(self._pulumi("up", "--yes", "--skip-preview", *arguments), succeeds=True)

    def fails(self, *command: str) -> str:
        """What a command says that does not succeed."""
        return self._said(self._pulumi(*command), succeeds=False)

    def judged(self, *, succeeds: bool) -> str:
        """What a preview under the policy pack says."""
        return self._said(self._pulumi("preview", "--policy-pack", str(ROOT / "policies")), succeeds=succeeds)

    def unchanged(self) -> None:
        """Nothing is left to do."""
        self._said(self._pulumi("preview", "--expect-no-changes"), succeeds=True)

    def step(self) -> str:
        """The last step, by the stack's outputs."""
        outputs = json.loads(self._pulumi("stack", "output", "--json").stdout)
        return outputs["releases"]["sentiment"]["last"]["step"]

    def _said(self, done: subprocess.CompletedProcess[str], *, succeeds: bool) -> str:
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout + done.stderr

    def _pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--stack", "test", "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack of which nothing exists yet."""
    return Stack(tmp_path)


def test_a_preview_knows_what_is_deployed(stack: Stack) -> None:
    """A skipped step fails with its line; the next step passes, and is then no change any more."""
    stack.write()
    stack.up()
    stack.unchanged()
    stack.write(_weights(80, 20))
    assert f"Pulumi.test.yaml:{stack.line('candidate')}: inferstack:services[0].release.candidate" in (
        said := stack.fails("preview")
    )
    assert "Allowed: a candidate of another version with weight 0" in said
    stack.write(_weights(100, 0))
    stack.up()
    assert stack.step() == "prepare"
    stack.unchanged()
    stack.write(_weights(60, 40))
    assert f"Pulumi.test.yaml:{stack.line('weight', last=True)}: " in stack.fails("preview")


def test_an_update_that_fails_leaves_what_was_deployed(stack: Stack) -> None:
    """What was wanted and not done is no step, whether it failed or was not aimed at: the outputs are as they were."""
    stack.write()
    stack.up("--target", "**::files")
    stack.write(_weights(100, 0))
    assert "nothing is deployed yet" in stack.fails("preview")
    stack.write()
    stack.up()
    stack.write(_weights(100, 0), broken=True)
    stack.fails("up", "--yes", "--skip-preview")
    assert stack.step() == "first"
    stack.write(_weights(100, 0))
    stack.up("--target", "**::files")
    assert stack.step() == "first"


def test_the_base_branch_stands_in_for_what_is_deployed(stack: Stack) -> None:
    """Where nothing is deployed, the stack file that is named says which step may follow."""
    stack.write(_weights(95, 5))
    base = stack.folder / "base"
    base.mkdir()
    shutil.copy(stack.file, base)
    assert "nothing is deployed yet" in stack.fails("preview")
    stack.environment["INFERSTACK_BASE_STACK_FILE"] = str(base / stack.file.name)
    stack.write(_weights(60, 40))
    assert "advance to stable 0.1.0 at 80 %, candidate 0.2.0 at 20 %" in stack.fails("preview")
    stack.write(_weights(80, 20))
    stack.judged(succeeds=True)


def test_the_rules_see_both_states(stack: Stack) -> None:
    """A program that does not look itself is stopped by the pack: a step, a receipt."""
    stack.write()
    before, after = (
        {"strategy": "canary", "steps": [5, 100], "slots": {name: slot for name, slot in slots.items() if slot}}
        for slots in (
            {"stable": {"version": "0.1.0", "replicas": 1, "weight": 100}},
            {"stable": {"version": "0.2.0", "replicas": 1, "weight": 100}},
        )
    )
    stack.write(states={"previous": before, "wanted": after, "step": "promote"}, receipts=["0.1.0"])
    said = stack.judged(succeeds=False)
    for rule in ("release-step", "release-receipt"):
        assert f"[mandatory]  {rule}  (inferstack:kubernetes:ServiceRelease: sentiment)" in said
    assert "wanted must be one step from what is deployed, stable 0.1.0 at 100 %; found stable 0.2.0 at 100 %" in said


def test_a_freeze_holds_and_a_waiver_is_told(stack: Stack) -> None:
    """Nothing goes forward in a freeze, but for what somebody answers for, and each report says who."""
    freeze = {"begins": "2020-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z", "reason": "The week of the sale."}
    stack.write(changes={"freezes": [freeze]})
    assert "[mandatory]  release-freeze" in stack.judged(succeeds=False)
    until = (datetime.now(tz=UTC) + timedelta(hours=4)).isoformat()
    waiver = {"service": "sentiment", "reason": "Users get no answers.", "approved_by": "duty lead", "expires": until}
    stack.write(changes={"freezes": [freeze], "waivers": [waiver]})
    said = stack.judged(succeeds=True)
    assert "[advisory]  exempted" in said
    assert "waived by duty lead until" in said
