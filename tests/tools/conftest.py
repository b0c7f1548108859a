"""A layout of its own for each test, with a Go module small enough to build in a moment."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from tools.build import build
from tools.catalogue import GO
from tools.layout import Layout, default_layout
from tools.model import GoBuild, Tool
from tools.probe import Probe
from tools.status import Status, status_of

HELLO = Tool(
    name="hello",
    version="1.2.3",
    programs=("hello",),
    accept=">=1.2,<2",
    seconds=1,
    source=GoBuild(packages=(".",), stamp={"main.version": "v1.2.3"}),
)

PROGRAM = """package main

import "fmt"

var version = "unknown"

func main() { fmt.Println("hello", version) }
"""

Making = Callable[[Sequence[Tool]], tuple[list[Status], str]]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty `.tools`, and the Go module of HELLO."""
    module = tmp_path / "go" / "hello"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module hello\n\ngo 1.26\n")
    (module / "main.go").write_text(PROGRAM)
    return Layout(root=tmp_path / ".tools", modules=tmp_path / "go", requirements=tmp_path / "tools.txt")


@pytest.fixture
def compiler() -> Path:
    """A Go compiler from PATH or from this checkout's tools."""
    found = status_of(GO, default_layout(), Probe(default_layout()))
    if not found.ready:
        pytest.skip("no Go compiler on PATH: `make tools` installs one")
    return found.programs[0]


@pytest.fixture
def path(tmp_path: Path, compiler: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH and holds the Go compiler and its formatter."""
    folder = tmp_path / "on-path"
    folder.mkdir()
    for program in GO.programs:
        (folder / program).symlink_to(compiler.with_name(program))
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def make(layout: Layout, path: Path) -> Making:
    """Run the recipe; returns where each tool is, and what was printed."""
    del path

    def run(tools: Sequence[Tool]) -> tuple[list[Status], str]:
        said = io.StringIO()
        return build(layout, tools, Console(file=said, width=1000)), said.getvalue()

    return run


def script(folder: Path, name: str, says: str) -> Path:
    """Make a program that prints a line."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program
