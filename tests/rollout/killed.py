"""Run the release command, and kill it with the signal that nothing can catch as soon as its journal has a phase."""

import os
import signal
import sys

from rollout.cli import main
from rollout.journal import Entry, Journal

_phase = sys.argv.pop(1)
_add = Journal.add


def _add_and_die(self: Journal, entry: Entry) -> None:
    _add(self, entry)
    if entry.phase == _phase:
        os.kill(os.getpid(), signal.SIGKILL)


Journal.add = _add_and_die  # pyright: ignore[reportAttributeAccessIssue]
main()
