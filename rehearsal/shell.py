"""A rehearsed stack to look into: a command, or a shell, where `pulumi` and `kubectl` work on it."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

from infra import settings
from rehearsal import folder
from rehearsal.errors import RehearsalError
from rehearsal.findings import Findings
from rehearsal.run import Rehearsal, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.progress import Progress

# Of the caller's environment: what a person's shell needs to be usable, and no credentials.
_KEPT = ("TERM", "COLORTERM", "EDITOR", "PS1")


def run_within(  # noqa: PLR0913  # as many as the command has options
    stack: str, command: Sequence[str], *, apply: bool, checkout: Path, program: Path | None, progress: Progress
) -> int:
    """Rehearse a stack and run a command before everything is removed again.

    Args:
        stack: its name.
        command: argument list; it runs in a copy of the project, with the rehearsal's environment.
        apply: whether the stack is applied first; else control plane and state are empty.
        checkout: whose rules and stand-ins are used.
        program: whose program and stack file are applied, if not the checkout's.
        progress: told what is being done.

    Returns:
        The command's exit status.

    Raises:
        UsageError: the stack does not exist, or a setting is wrong.
        RehearsalError: the stack could not be applied, or the command does not exist.
    """
    program = program or checkout
    wanted = read_settings(stack, program)
    found = Findings(stack=stack, settings=wanted, source=settings.stack_file(stack, program))
    folder.clear_dead(checkout)
    with ExitStack() as ends:
        rehearsal = Rehearsal.prepare(ends, found, checkout=checkout, program=program, progress=progress)
        if apply:
            rehearsal.play(None)
            if found.update is None or found.update_failed:
                raise RehearsalError(f"{stack} cannot be applied: `python -m rehearsal run --stack {stack}` says why")
        else:
            rehearsal.project()
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            return subprocess.run(
                command,
                cwd=rehearsal.folder.project,
                env={**environment, **rehearsal.pulumi.environment},
                check=False,
            ).returncode
        except FileNotFoundError:
            raise RehearsalError(f"there is no command {command[0]!r}") from None
