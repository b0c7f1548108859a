"""A rehearsal leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from rehearsal import folder, ports
from rehearsal.errors import RehearsalError

CHECKOUT = Path(__file__).parents[2]
# Claims a folder, starts a process that would sleep for long, says where, and waits.
_REHEARSAL = """
import subprocess, sys, time
from pathlib import Path
from rehearsal import folder, keeper
with folder.claim(Path(sys.argv[1]), "prod") as claimed, keeper.kept(claimed):
    mark = {folder.MARK: str(claimed.told)}
    child = subprocess.Popen(["sleep", "600"], env=mark, stdout=subprocess.DEVNULL, start_new_session=True)
    print(claimed.root, child.pid, flush=True)
    sys.stdin.read()
"""


def _start(checkout: Path) -> tuple["subprocess.Popen[str]", Path, int]:
    process = subprocess.Popen(
        [sys.executable, "-c", _REHEARSAL, str(checkout)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    root, pid = process.stdout.readline().split()
    return process, Path(root), int(pid)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_until_gone(root: Path, pid: int) -> None:
    deadline = time.monotonic() + 20
    while root.exists() or _is_alive(pid):
        assert time.monotonic() < deadline, f"{root} or process {pid} is still there"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_was_started_ends_with_a_rehearsal_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    """Processes and folder are gone a moment after the rehearsal, without another command."""
    process, root, pid = _start(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=30)
    _wait_until_gone(root, pid)
    assert not folder.parent(tmp_path).exists()


def test_the_next_rehearsal_removes_what_was_left_with_its_keeper(tmp_path: Path) -> None:
    """Where both were killed, the folder has no holder, and so it and its processes go."""
    process, root, pid = _start(tmp_path)
    (keeper,) = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"rehearsal.keeper\0{root}".encode() in _command(entry)
    ]
    os.kill(keeper, signal.SIGKILL)
    process.kill()
    process.communicate(timeout=30)
    assert root.exists()
    assert _is_alive(pid)
    assert folder.clear_dead(tmp_path) == 1
    _wait_until_gone(root, pid)
    assert folder.clear_dead(tmp_path) == 0


def _command(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_living_rehearsal_is_left_alone(tmp_path: Path) -> None:
    """Two at once: neither removes the other's folder or processes, at the beginning or at the end."""
    first, first_root, first_pid = _start(tmp_path)
    second, second_root, second_pid = _start(tmp_path)
    assert folder.clear_dead(tmp_path) == 0
    second.communicate("", timeout=30)
    _wait_until_gone(second_root, second_pid)
    assert first_root.exists()
    assert _is_alive(first_pid)
    first.communicate("", timeout=30)
    _wait_until_gone(first_root, first_pid)


def test_two_at_once_have_ports_of_their_own() -> None:
    """No port is given twice, and each is free again afterwards."""
    names = ("apiserver", "etcd")
    with ports.reserved(names) as first, ports.reserved(names) as second:
        assert set(first) == set(second) == set(names)
        assert not set(first.values()) & set(second.values())
    with ports.reserved(names) as third:
        assert third == first


def test_no_free_ports_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the range that was tried."""
    monkeypatch.setattr(ports, "port_is_free", Mock(return_value=False))
    sentence = r"no 1 free TCP ports in a row are left on 127\.0\.0\.1 between 24000"
    with pytest.raises(RehearsalError, match=sentence), ports.reserved(("etcd",)):
        pass


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Etcd would tell it by a stack trace in its log."""
    monkeypatch.setattr(folder.shutil, "disk_usage", Mock(return_value=Mock(free=12_000_000)))
    with (
        pytest.raises(RehearsalError, match=r"\.state has 12 MB free, and a rehearsal needs \d+ MB"),
        folder.claim(tmp_path, "prod"),
    ):
        pass
    assert not list((tmp_path / ".state").iterdir())


def test_a_checkout_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    """A file in the folder's place stands for all that the system refuses, as root may write everywhere."""
    (tmp_path / ".state").touch()
    with (
        pytest.raises(RehearsalError, match=r"writes below .*\.state, which does not go"),
        folder.claim(tmp_path, "prod"),
    ):
        pass
