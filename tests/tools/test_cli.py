"""The command line."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tools.catalogue import CATALOGUE, NEEDED
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
    assert answer.output.startswith(
        "error: --only podman: no such tool for embedded clusters; there are alertmanager, buildkitd, "
    )


@pytest.mark.parametrize(("kind", "count"), [("embedded", len(CATALOGUE)), ("existing", 7)])
def test_list_for_a_kind_of_cluster(kind: str, count: int) -> None:
    """An existing cluster needs Pulumi's parts, kubectl, Contour's definitions and certificates to fetch them."""
    names = [tool["name"] for tool in json.loads(CliRunner().invoke(main, ["list", "--for", kind, "--json"]).output)]
    assert names[0] == "go"
    assert len(names) - 1 == count
    assert {"pulumi", "kubectl", "contour-definitions", "ca-certificates"} <= set(names)
    assert ("etcd" in names) == ("contour" in names) == ("containerd" in names) == (kind == "embedded")


def test_a_rehearsal_needs_no_node_and_no_builder() -> None:
    """It has a control plane, KWOK and Contour, and neither a container engine nor what builds images."""
    names = {tool.name for tool in NEEDED["rehearsal"]}
    assert {"etcd", "kubernetes", "kwok", "contour", "contour-definitions", "pulumi"} <= names
    assert not names & {"containerd", "runc", "buildkitd", "docker-registry", "envoy", "mmdebstrap"}


def test_a_tool_that_the_kind_does_not_need_is_not_built() -> None:
    """A tool of the embedded cluster is none for an existing one, by its name as well."""
    answer = CliRunner().invoke(main, ["build", "--for", "existing", "--only", "etcd"])
    assert answer.exit_code == 1
    assert answer.output.startswith("error: --only etcd: no such tool for existing clusters; there are ")


def test_only_go(monkeypatch: pytest.MonkeyPatch, layout: Layout, path: Path) -> None:
    """`build --only go` costs nothing where Go is on PATH, and links its formatter too."""
    monkeypatch.setattr("tools.cli.default_layout", lambda: layout)
    answer = CliRunner().invoke(main, ["build", "--only", "go"])
    assert answer.exit_code == 0
    assert (layout.bin / "gofmt").readlink() == path / "gofmt"
    assert (layout.bin / "go").readlink() == path / "go"


def test_a_folder_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where `.tools` cannot be made the path and the reason are said, without a traceback."""
    (tmp_path / "file").touch()
    layout = Layout(root=tmp_path / "file" / ".tools", modules=tmp_path, requirements=tmp_path / "tools.txt")
    monkeypatch.setattr("tools.cli.default_layout", lambda: layout)
    answer = CliRunner().invoke(main, ["build", "--only", "pause"])
    assert answer.exit_code == 1
    assert answer.output == f"error: {tmp_path}/file/.tools: Not a directory\n"
