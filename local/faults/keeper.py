"""Outlives a drill by a moment to undo its fault, however the drill ended: done, interrupted or killed.

The drill holds the write end of a pipe to this process. The kernel closes it when the drill ends, whatever ended it.
The keeper holds the lock of its kind of fault until it is undone, so that a second drill begins with a sound stack.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from local.api import Api
from local.errors import ClusterError
from local.faults.kinds import KINDS
from local.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Generator

_LOCK_SECONDS = 20.0
_READY = "ready\n"


@contextlib.contextmanager
def undone(kind: str, paths: Paths) -> Generator[None]:
    """Undo faults of this kind before the block, and at its end or that of this process, whichever comes first.

    Raises:
        ClusterError: a drill of this kind runs already, or the fault could not be undone.
    """
    keeper = subprocess.Popen(
        [sys.executable, "-m", "local.faults.keeper", kind],
        cwd=paths.checkout,
        env={"PATH": os.environ.get("PATH", os.defpath)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # what a terminal sends to the drill is not for the keeper
    )
    said = ""
    try:
        if keeper.stdout is not None and keeper.stdout.readline() == _READY:
            yield
    finally:
        _, said = keeper.communicate()
    if keeper.returncode:
        raise ClusterError(said.strip() or "what undoes the fault was killed: run `python -m local fault --undo`")


def main() -> None:
    """Undo what was left, wait for the end of the pipe, undo again."""
    fault, paths = KINDS[sys.argv[1]], Paths.of_this_checkout()
    try:
        with FileLock(paths.state / f"fault-{fault.kind}.lock", timeout=_LOCK_SECONDS):
            fault.undo(Api(paths.kubeconfig))
            sys.stdout.write(_READY)
            sys.stdout.flush()
            sys.stdin.read()
            if paths.ready_file.exists():  # with the cluster the fault is gone too
                fault.undo(Api(paths.kubeconfig))
    except Timeout:
        sys.exit(f"a drill of the kind {fault.kind} runs already: wait for its end, or end it")
    except (ClusterError, OSError) as error:
        sys.exit(f"{error}. If the fault is still there: python -m local fault --undo")


if __name__ == "__main__":
    main()
