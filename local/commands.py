"""Short-lived commands of the host."""

import subprocess

from local.errors import ClusterError

TIMEOUT_SECONDS = 60


class CommandError(ClusterError):
    """A command of the host failed; `reason` is the last line that it said, or what the system says of it."""

    def __init__(self, command: tuple[str, ...], *, ended: str, reason: str) -> None:
        super().__init__(f"`{' '.join(command)}` {ended}: {reason}")
        self.reason = reason


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        CommandError: it failed, took longer than TIMEOUT_SECONDS, or could not be started.
    """
    try:
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace", input=stdin, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise CommandError(command, ended="was stopped", reason=f"no end after {TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise CommandError(command, ended="cannot be started", reason=error.strerror or str(error)) from None
    if result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip() or "it said nothing").splitlines()[-1]
        raise CommandError(command, ended=f"ended with status {result.returncode}", reason=said)
    return result.stdout


def succeeds(*command: str) -> bool:
    """Tell whether a command is there, ends in time, and exits with 0."""
    try:
        run(*command)
    except CommandError:
        return False
    return True
