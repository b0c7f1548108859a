"""How a rehearsal ends: its exit codes, and the errors that carry one."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What a rehearsal's exit status says. Where several hold, the first of FORBIDDEN, STATEFUL, UNSCHEDULABLE."""

    FINE = 0
    FAILED = 1
    USAGE = 2
    FORBIDDEN = 3
    UNSCHEDULABLE = 4
    STATEFUL = 5


class RehearsalError(Exception):
    """What stops a rehearsal. Its text is one sentence or two: what is wrong, where, and what to do.

    Attributes:
        code: the exit status.
    """

    def __init__(self, message: str, *, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(RehearsalError):
    """A wrong argument or a wrong setting: nothing was started."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=ExitCode.USAGE)
