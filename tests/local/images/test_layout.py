"""Images of a few files: whole, named by what they hold, made again only when a file changed."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from local.images import contexts, layout
from local.images.errors import PrepareError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A program."""
    file = tmp_path / "tool"
    file.write_bytes(b"program")
    file.chmod(0o700)
    return file


def _blob(folder: Path, named: dict[str, Any]) -> bytes:
    """Read what a descriptor names, and hold it to what it says."""
    content = (folder / "blobs" / named["digest"].replace(":", "/")).read_bytes()
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == named["digest"]
    assert len(content) == named["size"]
    return content


def _index(folder: Path) -> dict[str, Any]:
    index: dict[str, Any] = json.loads((folder / "index.json").read_text())
    (manifest,) = index["manifests"]
    return manifest


def test_a_layout_is_an_image_of_these_files(tool: Path, tmp_path: Path) -> None:
    """Every hash and size is right; files belong to root, a program can be run by all, another file be read by all."""
    other = tmp_path / "other"
    other.write_bytes(b"data")
    other.chmod(0o600)
    folder = tmp_path / "layout"
    layout.make(folder, {"/etc/other": other, "/bin/tool": tool})
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    manifest = json.loads(_blob(folder, _index(folder)))
    (layer,) = manifest["layers"]
    config = json.loads(_blob(folder, manifest["config"]))
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    _blob(folder, layer)
    with tarfile.open(folder / "blobs" / layer["digest"].replace(":", "/")) as tar:
        entries = [(each.name, each.mode, each.uid, each.gid, each.mtime) for each in tar]
    assert entries == [("bin/tool", 0o755, 0, 0, 0), ("etc/other", 0o644, 0, 0, 0)]


def test_the_digest_depends_on_the_contents_alone(tool: Path, tmp_path: Path) -> None:
    """The same bytes of another date, elsewhere, are the same image: its build is cached, no pod is started anew."""
    one, two = tmp_path / "one", tmp_path / "two"
    layout.make(one, {"/bin/tool": tool})
    os.utime(tool, (1, 1))
    layout.make(two, {"/bin/tool": tool})
    assert _index(one) == _index(two)
    tool.write_bytes(b"another")
    layout.make(two, {"/bin/tool": tool})
    assert _index(one) != _index(two)


def test_a_file_that_is_the_same_is_not_read(tool: Path, tmp_path: Path) -> None:
    """Size and date tell; a layout that is not whole is made again."""
    folder = tmp_path / "layout"
    files = {"/bin/tool": tool}
    assert not layout.is_made_of(folder, files)
    layout.make(folder, files)
    assert layout.is_made_of(folder, files)
    os.utime(tool, (1, 1))
    assert not layout.is_made_of(folder, files)
    layout.make(folder, files)
    (folder / "index.json").unlink()
    assert not layout.is_made_of(folder, files)


@pytest.fixture
def state(tmp_path: Path, tool: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's contexts and built tools, all of them one program."""
    tools, state = tmp_path / "bin", tmp_path / "contexts"
    tools.mkdir()
    for name in contexts.BINARIES:
        (tools / name).symlink_to(tool)
    monkeypatch.setattr(contexts, "TOOLS", tools)
    monkeypatch.setattr(contexts, "CONTEXTS", state)
    state.mkdir()
    return state


@pytest.mark.parametrize("name", contexts.BINARIES)
def test_each_tool_is_wrapped_once(name: str, state: Path) -> None:
    """A second time nothing is done. Who calls servers of the world has the authorities that this machine trusts."""
    said = list[str]()
    contexts.PREPARERS[name](said.append)
    contexts.PREPARERS[name](said.append)
    assert said == [f"{name}: 0 MB", f"{name}: there already"]
    manifest = json.loads(_blob(state / name, _index(state / name)))
    with tarfile.open(state / name / "blobs" / manifest["layers"][0]["digest"].replace(":", "/")) as tar:
        files = tar.getnames()
    certificates = ["etc/ssl/certs/ca-certificates.crt"] if name in {"alertmanager", "collector"} else []
    assert files == [f"bin/{name}", *certificates]


def test_a_machine_that_trusts_nobody_is_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without certificates one sentence says where they were looked for."""
    monkeypatch.setattr(contexts, "CERTIFICATES", (str(state / "none.crt"),))
    with pytest.raises(PrepareError, match=r"none of .*none\.crt is here; run `make tools`"):
        contexts.PREPARERS["collector"](lambda _: None)


@pytest.mark.parametrize("name", contexts.BINARIES)
def test_each_dockerfile_runs_its_tool_as_nobody(name: str) -> None:
    """An image starts its own tool, as a user who is not root, and says what it is."""
    lines = (contexts.SOURCES / name / "Dockerfile").read_text().splitlines()
    folder = "/usr/local/bin" if name == "envoy" else "/bin"
    assert lines[-2:] == ["USER 65532:65532", f'ENTRYPOINT ["{folder}/{name}"]']
    assert f'LABEL org.opencontainers.image.title="inferstack-{name}" \\' in lines
    assert any("image.licenses=" in line for line in lines)
