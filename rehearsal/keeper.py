"""Outlives a rehearsal by a moment to remove what it leaves, however it ended: done, interrupted or killed.

The rehearsal holds the write end of a pipe to this process. The kernel closes it when the rehearsal ends, whatever
ended it; then everything with the rehearsal's mark is killed and its folder deleted.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError
from rehearsal.folder import Folder, remove

if TYPE_CHECKING:
    from collections.abc import Generator

_CHECKOUT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def kept(folder: Folder) -> Generator[None]:
    """Remove the folder and its processes at the end of the block, or of this process, whichever comes first.

    Raises:
        RehearsalError: something could not be removed.
    """
    try:
        keeper = _start(folder)
    except OSError:
        remove(folder)
        raise
    try:
        yield
    finally:
        _, said = keeper.communicate()
    if keeper.returncode:
        raise RehearsalError(said.strip() or f"the keeper of {folder.root} was killed: the next rehearsal removes it")


def _start(folder: Folder) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rehearsal.keeper", str(folder.root)],
        cwd=_CHECKOUT,
        env={"PATH": os.environ.get("PATH", os.defpath)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # what a terminal sends to the rehearsal is not for the keeper
    )


def main() -> None:
    """Wait for the end of the pipe, then remove."""
    folder = Folder(root=Path(sys.argv[1]))
    sys.stdin.read()
    try:
        remove(folder)
    except RehearsalError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
