from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from infra.slo import __main__ as command
from tests.infra.slo.objectives import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_render_writes_all_that_is_generated(tmp_path: Path) -> None:
    """A folder for each config map, and the paths of what was written on standard output."""
    result = CliRunner().invoke(command.main, ["render", "--stack", "prod", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == {
        "alertmanager/alertmanager.yaml",
        "alertmanager/routes.json",
        "objective-sentiment/canary.json",
        "objective-sentiment/rules.yaml",
        "objective-sentiment/tests-each-12h.yaml",
        "objective-sentiment/tests-each-5m.yaml",
        "objective-sentiment/tests-each-60m.yaml",
        "objective-sentiment/tests.yaml",
        "platform-rules/rules.yaml",
        "platform-rules/tests.yaml",
    }
    assert len(result.output.splitlines()) == len(written)


@pytest.mark.parametrize("verb", [["render", "--out", "unused"], ["check"]])
def test_an_unknown_stack_is_told_in_one_line(verb: list[str]) -> None:
    """Exit status 1, and the stacks that there are."""
    result = CliRunner().invoke(command.main, [*verb, "--stack", "nowhere"])
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "Pulumi.nowhere.yaml: no such stack file. Stacks: dev, local, prod, staging" in result.output


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """One sentence, no traceback."""
    (tmp_path / "file").touch()
    result = CliRunner().invoke(command.main, ["render", "--stack", "local", "--out", str(tmp_path / "file" / "out")])
    assert result.exit_code == 1
    assert "Allowed: --out with a folder that can be written" in result.output


def test_a_missing_tool_is_told_with_what_builds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 2: nothing was checked, and the sentence says how to get them."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(command, "ROOT", _imitate(tmp_path))
    result = CliRunner().invoke(command.main, ["check", "--stack", "local"])
    assert result.exit_code == 2
    assert result.output.startswith("promtool and amtool: neither in .tools/bin nor on PATH. `python -m tools build")


def test_a_tool_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no program of this machine is a check that failed, not a traceback."""
    for name in ("promtool", "amtool"):
        (tmp_path / name).write_text("no program")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(command, "ROOT", _imitate(tmp_path))
    result = CliRunner().invoke(command.main, ["check", "--stack", "local"])
    assert result.exit_code == 1
    assert f"{tmp_path / 'promtool'} cannot be started: Exec format error" in result.output


def test_who_stops_reading_the_paths_hears_no_complaint(tmp_path: Path) -> None:
    """`render … | head -1`: everything is written all the same."""
    shown = f"{sys.executable} -m infra.slo render --stack local --out {tmp_path} | true"
    done = subprocess.run(["bash", "-c", shown], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.stderr == ""
    assert (tmp_path / "alertmanager" / "routes.json").exists()


def _imitate(folder: Path) -> Path:
    (folder / "Pulumi.local.yaml").symlink_to(ROOT / "Pulumi.local.yaml")
    return folder


def test_nothing_here_waits_for_pulumi() -> None:
    """Rules are looked at in milliseconds, without the SDKs of providers."""
    code = "import sys, infra.slo; sys.exit(any(name.startswith('pulumi') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.tools
def test_check_tells_machines_what_was_checked() -> None:
    """With --json a list, each check with its name, its verdict, its time and what the tool said."""
    result = CliRunner().invoke(command.main, ["check", "--stack", "local", "--json"])
    assert result.exit_code == 0, result.output
    checks = json.loads(result.output)
    assert all(check["fine"] for check in checks)
    assert {"alertmanager/alertmanager.yaml: configuration", "objective-sentiment/rules.yaml: rules"} <= {
        check["name"] for check in checks
    }
