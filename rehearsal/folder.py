"""The folder of one rehearsal: everything that it writes lies below it, and goes with it.

A rehearsal holds a lock on its folder for as long as it lives. A folder without a holder is what a killed rehearsal
left; the next one removes it, with every process that carries its mark.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

MARK = "INFERSTACK_REHEARSAL"
"""The variable that every process of a rehearsal has: the path of what the stand-ins are told."""
_KILL_SECONDS = 10.0
_NEEDED_MB = 300
"""What a rehearsal writes, most of it the API server's store, which etcd lays out in advance."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where the parts of one rehearsal lie; the root is absolute."""

    root: Path

    @property
    def told(self) -> Path:
        """What the stand-in plugins are told, as JSON; its path is the mark of this rehearsal's processes."""
        return self.root / "stand-in.json"

    @property
    def bin(self) -> Path:
        """The first folder on PATH, with the stand-in for the AWS command line."""
        return self.root / "bin"

    @property
    def cluster(self) -> Path:
        """The control plane's files."""
        return self.root / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.root / "kubeconfig"

    @property
    def node_groups(self) -> Path:
        """One file for each node group that the stand-in made."""
        return self.root / "node-groups"

    @property
    def project(self) -> Path:
        """The program that is applied: first that of the reference, then that of the working tree."""
        return self.root / "project"

    @property
    def pulumi(self) -> Path:
        """Pulumi's state, its home and the stack file that it may write to."""
        return self.root / "pulumi"

    @property
    def home(self) -> Path:
        """HOME and the temporary folder of every process: no one's credentials are there."""
        return self.root / "home"

    @property
    def logs(self) -> Path:
        """What the processes say."""
        return self.root / "logs"

    def log(self, name: str) -> Path:
        """What one process says."""
        return self.logs / f"{name}.log"


def parent(checkout: Path) -> Path:
    """The folder of all rehearsals of a checkout."""
    return checkout / ".state" / "rehearsals"


@contextlib.contextmanager
def claim(checkout: Path, stack: str) -> Generator[Folder]:
    """Make a folder and hold it; it is not removed at the end, since :mod:`rehearsal.keeper` does that."""
    everything = parent(checkout)
    _check_room(checkout / ".state")
    with _creation(checkout):
        everything.mkdir(mode=0o700, exist_ok=True)
        folder = Folder(root=everything / f"{stack}-{secrets.token_hex(4)}")
        folder.root.mkdir(mode=0o700)
        held = _hold(folder.root)
    if held is None:
        raise RehearsalError(f"{folder.root} was just made and is held by another process: try again")
    try:
        for part in (folder.bin, folder.cluster, folder.node_groups, folder.pulumi, folder.home, folder.logs):
            part.mkdir()
        yield folder
    finally:
        os.close(held)


def _check_room(state: Path) -> None:
    """Say what the programs of a rehearsal would tell only in their logs.

    Raises:
        RehearsalError: the folder cannot be written to, or the disk is full.
    """
    try:
        state.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=state):
            pass
        free = shutil.disk_usage(state).free // 10**6
    except OSError as error:
        raise RehearsalError(f"a rehearsal writes below {state}, which does not go: {error.strerror}") from None
    if free < _NEEDED_MB:
        raise RehearsalError(f"{state} has {free} MB free, and a rehearsal needs {_NEEDED_MB} MB: make room there")


def clear_dead(checkout: Path) -> int:
    """Remove what killed rehearsals left; return how many there were."""
    if not parent(checkout).exists():
        return 0
    with _creation(checkout):
        dead = [root for root in sorted(parent(checkout).iterdir()) if _is_dead(root)]
    for root in dead:
        remove(Folder(root=root))
    return len(dead)


def remove(folder: Folder) -> None:
    """End every process of a rehearsal and delete its folder, and the folder of all if it was the last.

    Raises:
        RehearsalError: the kernel does not let go of a process.
    """
    mark = os.fsencode(f"{MARK}={folder.told}")
    deadline = time.monotonic() + _KILL_SECONDS
    while pids := list(_marked(mark)):
        if time.monotonic() > deadline:
            raise RehearsalError(f"the processes {pids} of {folder.root} do not end: end them, then delete the folder")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)  # a killed process stays visible until its parent has noticed
    shutil.rmtree(folder.root, ignore_errors=True)
    with contextlib.suppress(OSError):  # there are others
        folder.root.parent.rmdir()


@contextlib.contextmanager
def _creation(checkout: Path) -> Generator[None]:
    """Between a folder's creation and its lock it looks dead: no one looks meanwhile."""
    state = checkout / ".state"
    state.mkdir(exist_ok=True)
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _hold(root: Path) -> int | None:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _is_dead(root: Path) -> bool:
    try:
        held = _hold(root)
    except OSError:  # it went this moment
        return False
    if held is None:
        return False
    os.close(held)
    return True


def _marked(mark: bytes) -> Iterator[int]:
    """The processes with the mark, this one excepted. One that has ended has no environment any more."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
