"""A tool is made again exactly when its recipe changed or its files are gone."""

import dataclasses

from tests.tools.conftest import HELLO, PROGRAM, Making
from tools.layout import Layout
from tools.model import GoBuild
from tools.stamps import recipe_hash
from tools.status import Origin


def test_the_recipe_is_the_catalogue_line_and_the_module(layout: Layout) -> None:
    """The hash changes with flags and sources, and not with an estimate, what PATH may offer, or a Go test."""
    module = layout.modules / "hello"
    first = recipe_hash(HELLO, layout)
    assert recipe_hash(dataclasses.replace(HELLO, seconds=99, accept=None), layout) == first
    (module / "main_test.go").write_text("package main\n")
    assert recipe_hash(HELLO, layout) == first
    flags = dataclasses.replace(HELLO, source=GoBuild(packages=(".",), tags=("netgo",)))
    assert recipe_hash(flags, layout) != first
    (module / "main.go").write_text(PROGRAM + "// changed\n")
    assert recipe_hash(HELLO, layout) != first


def test_a_second_run_makes_nothing(make: Making, layout: Layout) -> None:
    """With everything in place nothing is built and nothing is printed."""
    (status,), said = make([HELLO])
    assert status.origin is Origin.BUILT
    assert "[1/1] hello 1.2.3  building… expected 1s" in said
    assert "1 tools made in" in said
    before = (layout.bin / "hello").stat().st_mtime_ns
    _, said = make([HELLO])
    assert said == ""
    assert (layout.bin / "hello").stat().st_mtime_ns == before


def test_a_removed_or_damaged_program_is_made_again(make: Making, layout: Layout) -> None:
    """A program that is missing or was cut short is made again, and only that one."""
    make([HELLO])
    program = layout.bin / "hello"
    for damage in (program.unlink, lambda: program.write_bytes(b"")):
        damage()
        _, said = make([HELLO])
        assert "hello 1.2.3  done" in said
        assert program.stat().st_size > 1_000_000


def test_a_new_version_takes_the_old_one_away(make: Making, layout: Layout) -> None:
    """A plugin lies in a folder with its version; the engine must not find the previous one there."""
    old = dataclasses.replace(HELLO, source=dataclasses.replace(_source(), into="plugins/v1"))
    new = dataclasses.replace(HELLO, source=dataclasses.replace(_source(), into="plugins/v2"))
    make([old])
    make([new])
    assert not (layout.root / "plugins/v1/hello").exists()
    assert (layout.root / "plugins/v2/hello").exists()


def _source() -> GoBuild:
    assert isinstance(HELLO.source, GoBuild)
    return HELLO.source
