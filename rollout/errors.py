"""How the command ends: its exit codes, and the errors that carry one."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What the exit status says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    HOLD = 3
    ROLLED_BACK = 4


class RolloutError(Exception):
    """What stops the command. Its text says what is wrong, where, and what to do.

    Attributes:
        code: the exit status.
    """

    def __init__(self, message: str, *, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


class BusyError(RolloutError):
    """Somebody else updates the stack: nothing was changed, and later it may be."""
