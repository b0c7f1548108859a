"""The commands that need no library of a build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from model_build import manifest
from model_build.cli import main
from tests.model_build.receipts import make_receipt, write_receipt
from tests.model_build.tiny import make_root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a spec that is not built, and a receipt of another version."""
    make_root(tmp_path)
    write_receipt(tmp_path / manifest.LOCAL_RECEIPTS, make_receipt(version="0.0.9"))
    return tmp_path


def test_list_shows_specs_and_receipts(root: Path) -> None:
    """Each version once, with where it comes from."""
    answer = CliRunner().invoke(main, ["list", "--root", str(root)])
    assert answer.output.splitlines() == ["sentiment 0.0.9  local build", "sentiment 0.1.0  not built"]
    answer = CliRunner().invoke(main, ["list", "--root", str(root), "--json"])
    assert json.loads(answer.output)[1] == {"service": "sentiment", "version": "0.1.0", "state": "not built"}


def test_show_prints_the_receipt(root: Path) -> None:
    """In short, or whole as JSON."""
    command = ["show", "--service", "sentiment", "--version", "0.0.9", "--root", str(root)]
    assert "accuracy 0.900 on 100 held-out texts" in CliRunner().invoke(main, command).output
    whole = CliRunner().invoke(main, [*command, "--json"]).output
    assert manifest.Receipt.model_validate_json(whole) == make_receipt(version="0.0.9")


@pytest.mark.parametrize("command", ["show", "build"])
def test_an_unknown_version_is_one_message(root: Path, command: str) -> None:
    """Exit code 1 and a sentence that names what there is; no traceback."""
    answer = CliRunner().invoke(main, [command, "--service", "sentiment", "--version", "9.9.9", "--root", str(root)])
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: ")
    assert "known: " in answer.output


def test_verify_answers_for_a_directory(tmp_path: Path) -> None:
    """Exit code 0 and the digest for what is whole; 1 and the file's name for what is not."""
    (tmp_path / "model.onnx").write_bytes(b"graph")
    manifest.create(tmp_path)
    answer = CliRunner().invoke(main, ["verify", str(tmp_path), "--json"])
    assert json.loads(answer.output) == {"model_digest": manifest.digest(tmp_path)}
    (tmp_path / "model.onnx").write_bytes(b"hparg")
    answer = CliRunner().invoke(main, ["verify", str(tmp_path)])
    assert answer.exit_code == 1
    assert "model.onnx: SHA-256 is" in answer.output


def test_an_environment_without_torch_is_one_message(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and a sentence that names the library, the environment and the right one."""
    monkeypatch.setitem(sys.modules, "torch", None)
    answer = CliRunner().invoke(main, ["build", "--service", "sentiment", "--version", "0.1.0", "--root", str(root)])
    assert answer.exit_code == 1
    assert ".venv-model-build/bin/python" in answer.output.splitlines()[-1]


def test_onnx_runtime_reports_to_no_one() -> None:
    """The vendor's telemetry is off before the library can be imported, whatever the environment says."""
    code = "import model_build, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "0"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout == "1\n"
