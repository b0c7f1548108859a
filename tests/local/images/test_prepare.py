"""Build contexts: made once, made again when their recipe changed, whole or not at all."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from local.images import contexts, rootfs, wheels
from local.images.__main__ import TARGETS, main
from local.images.errors import PrepareError
from local.images.files import replaced_folder, same_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def silent(_: str) -> None:
    """Say nothing."""


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """A failure leaves the old folder as it was and nothing beside it; a success leaves only the new files."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(FileNotFoundError), replaced_folder(folder) as new:
        (new / "no such folder" / "half").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["wheels", "old"]
    with replaced_folder(folder) as new:
        (new / "whole").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["wheels", "whole"]


def test_a_context_holds_the_tool_itself(tmp_path: Path) -> None:
    """A tool takes no second copy on the disk, and a rebuilt tool replaces the one in the context."""
    tool, link = tmp_path / "tool", tmp_path / "context-tool"
    tool.write_text("1")
    same_file(link, tool)
    assert link.samefile(tool)
    rebuilt = tmp_path / "rebuilt"
    rebuilt.write_text("2")
    rebuilt.replace(tool)
    same_file(link, tool)
    assert link.read_text() == "2"


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the tool the command ends with 1 and one line that says what to do."""
    monkeypatch.setattr(contexts, "TOOLS", tmp_path / "bin")
    monkeypatch.setattr(contexts, "CONTEXTS", tmp_path / "contexts")
    monkeypatch.setattr("local.images.__main__.CONTEXTS", tmp_path / "contexts")
    result = CliRunner().invoke(main, ["contour"])
    assert result.exit_code == 1
    assert result.stderr == f"contour: {tmp_path}/bin/contour is missing; run `make tools`\n"


def test_wheels_follow_the_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wheels are downloaded once for each content of the lock, and those of an older lock vanish."""
    lock, folder = tmp_path / "serving.txt", tmp_path / "wheels"
    calls: list[str] = []

    def download(lock: Path, folder: Path, *, log: Path) -> None:
        assert log.parent.exists()
        calls.append(lock.read_text())
        (folder / f"{lock.read_text()}.whl").touch()

    monkeypatch.setattr(wheels, "LOCKS", {"serving": lock})
    monkeypatch.setattr(wheels, "WHEELS", folder)
    monkeypatch.setattr(wheels, "download", download)
    for content in ("a", "a", "b", "b"):
        lock.write_text(content)
        wheels.prepare_wheels(silent)
    assert calls == ["a", "b"]
    assert sorted(path.name for path in folder.iterdir()) == ["b.whl", "serving.txt"]


def test_a_wheel_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A lock whose hash fits nothing ends in one line with pip's reason, and nothing half-done stays."""
    lock = tmp_path / "serving.txt"
    lock.write_text(f"{tmp_path}/no-such.whl --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(wheels, "LOCKS", {"serving": lock})
    monkeypatch.setattr(wheels, "WHEELS", tmp_path / "wheels")
    with pytest.raises(PrepareError, match=r"pip could not download what serving\.txt names: ERROR: .*no-such"):
        wheels.prepare_wheels(silent)
    assert not (tmp_path / "wheels").exists()


def test_mmdebstrap_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without mmdebstrap one sentence says what is missing and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrepareError, match="mmdebstrap is not on PATH; run `make tools`"):
        rootfs.build(tmp_path / "rootfs.tar", log=tmp_path / "log")


def test_a_damaged_package_and_a_forbidden_folder_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Debian package that dpkg-deb cannot read, or a folder that is someone else's, ends without a traceback."""
    package = tmp_path / "root/var/cache/apt/archives/broken.deb"
    package.parent.mkdir(parents=True)
    package.write_text("not a package")
    with pytest.raises(PrepareError, match=r"dpkg-deb --field broken.deb failed \(exit 2\): .*"):
        rootfs.tidy(tmp_path / "root")

    def forbidden(_: Callable[[str], None]) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setitem(TARGETS, "base", forbidden)
    result = CliRunner().invoke(main, ["base"])
    assert result.exit_code == 1
    assert result.stderr == "base: /somewhere belongs to someone else, often root: run the command with sudo\n"


@pytest.mark.tools
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may unpack a root file system")
def test_the_root_file_system(tmp_path: Path) -> None:
    """Built twice it has the same bytes; Python runs; there is no shell, no package manager, no package source."""
    tars = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for tar in tars:
        rootfs.build(tar, log=tmp_path / "log")
    assert tars[0].read_bytes() == tars[1].read_bytes()
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "--extract", f"--file={tars[0]}", f"--directory={root}"], check=True)
    python = ["chroot", str(root), "/usr/bin/python3", "-c", "import ssl, ctypes, sqlite3, asyncio; print('runs')"]
    assert subprocess.run(python, capture_output=True, text=True, check=True).stdout == "runs\n"
    for name in ("bin/sh", "usr/bin/dpkg", "etc/apt", "usr/share/man", "var/lib/apt"):
        assert not (root / name).exists()
    texts = (path.read_bytes() for path in (root / "etc").rglob("*") if path.is_file())
    assert not any(b"Signed-By" in text or b"deb http" in text for text in texts)
    assert tars[0].stat().st_size < 60e6
