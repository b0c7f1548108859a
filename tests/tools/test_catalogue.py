"""The catalogue agrees with the files that it speaks of."""

import re
import tomllib

import pytest

from tools.catalogue import CATALOGUE, GO
from tools.layout import CHECKOUT, default_layout
from tools.lockfile import requirement
from tools.model import GoBuild, PyPIPackage, Tool

BUILT = [tool for tool in CATALOGUE if isinstance(tool.source, GoBuild)]
# Prometheus tags its release 3.5.0 for Go's module system as v0.305.0: the API of its packages is not held stable.
MODULE_VERSIONS = {"prometheus": "0.305.0"}
INSTALLED = [tool for tool in (GO, *CATALOGUE) if isinstance(tool.source, PyPIPackage)]


@pytest.mark.parametrize("tool", BUILT, ids=lambda tool: tool.name)
def test_go_mod_requires_the_version(tool: Tool) -> None:
    """The version in the catalogue is the one that go.mod pins, under the name of a module that is built."""
    assert isinstance(tool.source, GoBuild)
    module = (default_layout().modules / (tool.source.module or tool.name) / "go.mod").read_text()
    foreign = [package for package in tool.source.packages if not package.startswith(".")]
    wanted = MODULE_VERSIONS.get(tool.name, tool.version)
    for package in foreign:
        required = [path for path, version in re.findall(r"(\S+) v(\S+)", module) if version == wanted]
        assert any(package.startswith(path) for path in required), f"{package} is not pinned at {wanted}"


@pytest.mark.parametrize("tool", INSTALLED, ids=lambda tool: tool.name)
def test_lock_file_has_the_version_with_hashes(tool: Tool) -> None:
    """Each package from PyPI is locked at the catalogue's version, by hash."""
    assert isinstance(tool.source, PyPIPackage)
    lines = requirement(default_layout().requirements, tool.source.package)
    assert lines.startswith(f"{tool.source.package}=={tool.version} ")
    assert "--hash=sha256:" in lines
    assert lines.count("==") == 1


def test_names_and_programs_are_unique() -> None:
    """No two tools make the same program, so none overwrites another's."""
    programs = [program for tool in CATALOGUE for program in tool.programs]
    assert len(programs) == len(set(programs))
    assert len({tool.name for tool in CATALOGUE}) == len(CATALOGUE)


def test_the_python_sdk_and_the_engine_have_one_version() -> None:
    """Engine, language host and Python SDKs match: the engine looks for providers of exactly the SDKs' versions."""
    group = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["dependency-groups"]["infra"]
    pinned = dict(line.split("==") for line in group)
    versions = {tool.name: tool.version for tool in CATALOGUE}
    assert pinned["pulumi"] == versions["pulumi"] == versions["pulumi-language-python"]
    assert pinned["pulumi-kubernetes"] == versions["pulumi-resource-kubernetes"]
    assert pinned["pulumi-docker-build"] == versions["pulumi-resource-docker-build"]
    for tool in BUILT:
        if tool.name.startswith("pulumi-resource-"):
            assert isinstance(tool.source, GoBuild)
            assert tool.source.into.endswith(f"{tool.name.removeprefix('pulumi-')}-v{tool.version}")
