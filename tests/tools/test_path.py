"""What is on PATH in a fitting version is used; the rest is made."""

import dataclasses
import os
from pathlib import Path

import pytest

from tests.tools.conftest import HELLO, Making, script
from tools import environment
from tools.catalogue import CATALOGUE, PULUMI
from tools.layout import Layout
from tools.model import DebianPackage, Tool
from tools.probe import Probe
from tools.status import Origin, survey


def test_a_fitting_program_is_linked_and_not_built(make: Making, layout: Layout, path: Path) -> None:
    """A program of an accepted version on PATH costs no build, and lies in `.tools/bin` as a link."""
    program = script(path, "hello", "hello v1.9.0")
    (status,), said = make([HELLO])
    assert (status.origin, status.version) == (Origin.PATH, "1.9.0")
    assert (layout.bin / "hello").readlink() == program
    assert said == ""


@pytest.mark.parametrize("says", ["hello v2.0.0", "hello v1.1.9", "hello"])
def test_an_unfit_program_is_passed_over(make: Making, layout: Layout, path: Path, says: str) -> None:
    """A program that is too old, too new or mute is not used, and the reason is kept."""
    script(path, "hello", says)
    (status,), _ = make([HELLO])
    assert (status.origin, status.version) == (Origin.BUILT, "1.2.3")
    assert "wanted >=1.2,<2" in status.remark
    assert not (layout.bin / "hello").is_symlink()


def test_a_changed_program_is_asked_again(make: Making, path: Path) -> None:
    """Versions are remembered per file: an upgrade of the program on PATH is noticed."""
    script(path, "hello", "hello v1.3.0")
    make([HELLO])
    script(path, "hello", "hello v1.4.0-later")
    (status,), _ = make([HELLO])
    assert status.version == "1.4.0"


def test_own_tools_do_not_count_as_on_path(make: Making, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `.tools/bin` on PATH, as `tools env` sets it, a built tool is still a built tool."""
    make([HELLO])
    monkeypatch.setenv("PATH", os.pathsep.join([str(layout.bin), os.environ["PATH"]]))
    (status,), _ = make([HELLO])
    assert status.origin is Origin.BUILT


def test_a_tool_that_left_path_is_built(make: Making, layout: Layout, path: Path) -> None:
    """When the program behind a link goes away, the tool is built in the link's place."""
    program = script(path, "hello", "hello v1.9.0")
    make([HELLO])
    program.unlink()
    (status,), _ = make([HELLO])
    assert status.origin is Origin.BUILT
    assert not (layout.bin / "hello").is_symlink()


@pytest.mark.parametrize("there", [True, False])
def test_a_package_of_files_is_there_with_one_of_them(layout: Layout, tmp_path: Path, *, there: bool) -> None:
    """Certificates are no program: their package counts as installed when one of the known files exists."""
    files = (str(tmp_path / "elsewhere.crt"), str(tmp_path / "certificates.crt"))
    if there:
        Path(files[1]).touch()
    source = DebianPackage(package="certificates-for-this-test", files=files)
    tool = Tool(
        name="certificates", version="1", programs=(), version_arguments=None, accept="", seconds=1, source=source
    )
    (status,) = survey(layout, Probe(layout), [tool])
    assert status.ready is there


def test_an_official_pulumi_makes_all_pulumi_parts_superfluous(layout: Layout, path: Path) -> None:
    """With the official pulumi and its Python host on PATH nothing of Pulumi is built, and it keeps its own home."""
    script(path, "pulumi", "v3.262.0")
    script(path, "pulumi-language-python", "")
    parts = [status for status in survey(layout, Probe(layout)) if status.tool.group == PULUMI]
    assert len(parts) == 4
    assert {status.origin for status in parts} == {Origin.UNNEEDED}
    assert all(status.ready for status in parts)
    variables = environment(layout)
    assert "PULUMI_HOME" not in variables
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in variables


def test_an_official_pulumi_removes_the_built_one(make: Making, layout: Layout, path: Path) -> None:
    """A Pulumi part built before the official one came would shadow it on PATH, so it goes."""
    part = dataclasses.replace(HELLO, group=PULUMI, accept=None)
    make([part])
    assert (layout.bin / "hello").exists()
    script(path, "pulumi", "v3.262.0")
    script(path, "pulumi-language-python", "")
    (status,), _ = make([part])
    assert status.origin is Origin.UNNEEDED
    assert not (layout.bin / "hello").exists()


@pytest.mark.parametrize(
    ("version", "host"), [("v3.258.0", True), ("v4.0.0", True), ("v3.262.0", False)], ids=["old", "new", "no host"]
)
def test_a_pulumi_that_does_not_fit_is_built(layout: Layout, path: Path, version: str, *, host: bool) -> None:
    """An official pulumi of another version, or without its language host, does not do."""
    script(path, "pulumi", version)
    if host:
        script(path, "pulumi-language-python", "")
    parts = [status for status in survey(layout, Probe(layout), CATALOGUE) if status.tool.group == PULUMI]
    assert {status.origin for status in parts} == {Origin.MISSING}
    assert environment(layout)["PULUMI_HOME"] == str(layout.pulumi_home)
