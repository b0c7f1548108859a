"""The command line."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tools.catalogue import CATALOGUE
from tools.cli import main
from tools.layout import Layout


def test_list_as_json_names_every_tool() -> None:
    """`list --json` tells of each tool what is wanted, where it comes from and whether it is ready."""
    answer = CliRunner().invoke(main, ["list", "--json"])
    records = json.loads(answer.output)
    assert {record["name"] for record in records} == {"go", *(tool.name for tool in CATALOGUE)}
    assert {"name", "wanted", "origin", "version", "programs", "ready", "remark"} <= set(records[0])
    missing = [record["name"] for record in records if not record["ready"] and record["name"] != "go"]
    assert answer.exit_code == (1 if missing else 0)


def test_env_can_be_evaluated() -> None:
    """`env` prints export statements for a shell, with `.tools/bin` first on PATH."""
    answer = CliRunner().invoke(main, ["env"])
    assert answer.exit_code == 0
    exports = dict(shlex.split(line)[1].split("=", 1) for line in answer.output.splitlines())
    assert exports["PATH"].split(":")[0].endswith("/.tools/bin")
    assert exports["PULUMI_SKIP_UPDATE_CHECK"] == "true"


def test_an_unknown_name_is_one_sentence() -> None:
    """`--only` with a name that means nothing says which names there are."""
    answer = CliRunner().invoke(main, ["build", "--only", "podman"])
    assert answer.exit_code == 1
    assert answer.output.startswith("error: --only podman: no such tool; there are buildkitd, cluster, cni-plugins")


def test_a_folder_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where `.tools` cannot be made the path and the reason are said, without a traceback."""
    (tmp_path / "file").touch()
    layout = Layout(root=tmp_path / "file" / ".tools", modules=tmp_path, requirements=tmp_path / "tools.txt")
    monkeypatch.setattr("tools.cli.default_layout", lambda: layout)
    answer = CliRunner().invoke(main, ["build", "--only", "pause"])
    assert answer.exit_code == 1
    assert answer.output == f"error: {tmp_path}/file/.tools: Not a directory\n"
