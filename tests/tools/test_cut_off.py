"""A run that is cut off leaves nothing half-made, and two runs at once do not collide."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.tools.conftest import HELLO, Making
from tools.layout import CHECKOUT, Layout
from tools.status import Origin

PATIENCE = 30.0  # seconds for what takes less than one

# A compiler that says when it was started, makes half a file, and then waits until a file called `go-on` is there.
SLOW_COMPILER = """#!/bin/sh
case "$1" in
  version) exec "{compiler}" "$@" ;;
esac
echo started >> "{folder}/calls"
while [ "$1" != -o ]; do shift; done
echo half > "$2"
while [ ! -e "{folder}/go-on" ]; do read -r _ < "{folder}/pipe" || exit 1; done
/bin/rm "$2"
exec "{compiler}" build -ldflags "-X main.version=v1.2.3" -o "$2" .
"""

RUN = """
import sys
from pathlib import Path
from rich.console import Console
from tests.tools.conftest import HELLO
from tools.build import build
from tools.layout import Layout
root = Path(sys.argv[1])
layout = Layout(root=root / ".tools", modules=root / "go", requirements=root / "tools.txt")
build(layout, [HELLO], Console(width=1000))
"""


@pytest.fixture
def slow_compiler(tmp_path: Path, path: Path, compiler: Path) -> Path:
    """Put the slow compiler on PATH; returns its folder."""
    folder = tmp_path / "slow"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (path / "go").unlink()
    (path / "go").write_text(SLOW_COMPILER.format(compiler=compiler, folder=folder))
    (path / "go").chmod(0o755)
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start runs of the recipe as processes of their own; they are ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", RUN, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        for child in [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.02)


def release(folder: Path) -> None:
    """Let the slow compilers go on."""
    (folder / "go-on").touch()
    with (folder / "pipe").open("w") as pipe:
        pipe.write("go on\n")


def calls(folder: Path) -> int:
    """Return how often the slow compiler was asked to build."""
    log = folder / "calls"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_killed_in_the_middle(
    layout: Layout, slow_compiler: Path, start: Callable[[], subprocess.Popen[str]], make: Making
) -> None:
    """After kill -9 nothing half-made counts as made, and the next run makes it and clears the remains."""
    process = start()
    until(lambda: any(layout.scratch.rglob("bin/hello")))
    (compiler,) = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    compiler.kill()
    until(lambda: not compiler.is_running())
    assert not (layout.bin / "hello").exists()
    (slow_compiler / "go-on").touch()
    (status,), said = make([HELLO])
    assert status.origin is Origin.BUILT
    assert "[1/1] hello 1.2.3  done" in said
    assert not list(layout.scratch.iterdir())


def test_interrupted_in_the_middle(
    layout: Layout, slow_compiler: Path, start: Callable[[], subprocess.Popen[str]]
) -> None:
    """An interrupt ends the compiler too, and leaves neither half a program nor a stamp."""
    process = start()
    until(lambda: calls(slow_compiler) == 1)
    (compiler,) = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) != 0
    until(lambda: not compiler.is_running())
    assert not (layout.bin / "hello").exists()
    assert not (layout.stamps / "hello.json").exists()


@pytest.mark.usefixtures("layout")
def test_two_at_once(slow_compiler: Path, start: Callable[[], subprocess.Popen[str]]) -> None:
    """The second run says that it waits, and then finds everything made: one build in all."""
    first = start()
    until(lambda: calls(slow_compiler) == 1)
    second = start()
    assert second.stdout
    assert second.stdout.readline() == "another run is making tools; waiting for it\n"
    release(slow_compiler)
    assert first.wait(PATIENCE) == 0
    assert second.wait(PATIENCE) == 0
    assert second.stdout.read() == ""
    assert calls(slow_compiler) == 1
