"""A module of which one file is replaced: the build sees the tool's own, the module cache stays as it is."""

import dataclasses
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.tools.conftest import HELLO, Making
from tools.layout import Layout
from tools.model import ModuleFile, PatchedGoBuild
from tools.stamps import recipe_hash

MODULE = "example.org/greeting"
GO_MOD = f"module {MODULE}\n\ngo 1.26\n"
GREETING = "package greeting\n\nfunc Text() string { return words }\n"
WORDS = 'package greeting\n\nconst words = "%s v1.2.3"\n'
PROGRAM = f'package main\n\nimport "{MODULE}"\n\nfunc main() {{ println(greeting.Text()) }}\n'
PATCHED = dataclasses.replace(
    HELLO,
    source=PatchedGoBuild(packages=(".",), patch=ModuleFile(module=MODULE, path="words.go", to="patch/words.go")),
)


@pytest.fixture
def module(layout: Layout, compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HELLO's module, which prints what another one says; that lies in a module proxy of this test's own."""
    versions = tmp_path / "proxy" / MODULE / "@v"
    versions.mkdir(parents=True)
    (versions / "v1.0.0.info").write_text(json.dumps({"Version": "v1.0.0"}))
    (versions / "v1.0.0.mod").write_text(GO_MOD)
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as archive:
        for name, content in (("go.mod", GO_MOD), ("greeting.go", GREETING), ("words.go", WORDS % "theirs")):
            archive.writestr(f"{MODULE}@v1.0.0/{name}", content)
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/proxy")
    monkeypatch.setenv("GONOSUMDB", "*")
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    folder = layout.modules / "hello"
    (folder / "main.go").write_text(PROGRAM)
    (folder / "go.mod").write_text(f"module hello\n\ngo 1.26\n\nrequire {MODULE} v1.0.0\n")
    (folder / "patch").mkdir()
    (folder / "patch" / "words.go").write_text(WORDS % "ours")
    subprocess.run([compiler, "mod", "tidy"], cwd=folder, env={**os.environ, "GOFLAGS": "-mod=mod"}, check=True)
    return folder


def _says(layout: Layout) -> str:
    return subprocess.run([layout.bin / "hello"], capture_output=True, text=True, check=True).stderr.strip()


def test_the_build_takes_the_tools_own_file(module: Path, make: Making, layout: Layout, tmp_path: Path) -> None:
    """The replaced file is compiled in; the module cache and the module's requirements are as they were."""
    required = (module / "go.mod").read_text()
    make([PATCHED])
    assert _says(layout) == "ours v1.2.3"
    assert "theirs" in (tmp_path / "modules" / f"{MODULE}@v1.0.0" / "words.go").read_text()
    assert (module / "go.mod").read_text() == required
    assert list(layout.scratch.iterdir()) == []


def test_a_change_of_the_file_makes_the_tool_again(module: Path, make: Making, layout: Layout) -> None:
    """The file is part of the recipe."""
    make([PATCHED])
    before = recipe_hash(PATCHED, layout)
    (module / "patch" / "words.go").write_text(WORDS % "newer")
    assert recipe_hash(PATCHED, layout) != before
    make([PATCHED])
    assert _says(layout) == "newer v1.2.3"
