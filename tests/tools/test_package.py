"""A package from PyPI may carry several programs, which lie beside each other."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from tests.tools.conftest import Making
from tools.errors import ToolError
from tools.layout import Layout
from tools.model import PyPIPackage, Tool

TWINS = Tool(
    name="castor",
    version="1.2.3",
    programs=("castor", "pollux"),
    seconds=1,
    source=PyPIPackage(package="twins", executable="twins/bin/castor"),
)


def write_wheel(folder: Path, *programs: str) -> str:
    """Write a wheel of programs that print a version; returns its requirement, with the hash."""
    says = {"castor": "castor 1.2.3", "pollux": "nothing"}
    files = {f"twins/bin/{program}": f"#!/bin/sh\necho '{says[program]}'\n" for program in programs}
    files["twins-1.2.3.dist-info/METADATA"] = "Metadata-Version: 2.1\nName: twins\nVersion: 1.2.3\n"
    files["twins-1.2.3.dist-info/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{name},sha256={_hash(text)},{len(text)}" for name, text in files.items()]
    files["twins-1.2.3.dist-info/RECORD"] = "\n".join([*record, "twins-1.2.3.dist-info/RECORD,,\n"])
    wheel = folder / "twins-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return f"twins==1.2.3 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that the installer knows of registries."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return folder


def test_each_program_of_a_package_is_linked(make: Making, layout: Layout, index: Path) -> None:
    """As with Go and its formatter: both programs lie in `.tools/bin`; the first one's version is the package's."""
    layout.requirements.write_text(write_wheel(index, "castor", "pollux"))
    (status,), _ = make([TWINS])
    assert status.ready
    for program in TWINS.programs:
        assert (layout.bin / program).resolve().stat().st_mode & 0o111
        assert (layout.bin / program).readlink() == layout.pypi / "castor" / "twins" / "bin" / program
    (layout.bin / "pollux").unlink()
    _, said = make([TWINS])
    assert "castor 1.2.3  done" in said


def test_a_package_without_one_of_its_programs_is_refused(make: Making, layout: Layout, index: Path) -> None:
    """What the package lacks is named, and nothing counts as made."""
    layout.requirements.write_text(write_wheel(index, "castor"))
    with pytest.raises(ToolError, match=r"castor: the package twins does not hold twins/bin/pollux"):
        make([TWINS])
    assert not (layout.bin / "castor").exists()
