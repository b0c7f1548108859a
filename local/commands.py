"""Short-lived commands of the host."""

import subprocess

TIMEOUT_SECONDS = 60


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        subprocess.CalledProcessError: it failed; the exception's `stderr` says why.
    """
    return subprocess.run(
        command, check=True, capture_output=True, text=True, input=stdin, timeout=TIMEOUT_SECONDS
    ).stdout


def succeeds(*command: str) -> bool:
    """Tell whether a command is there and exits with 0."""
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=TIMEOUT_SECONDS).returncode == 0
    except FileNotFoundError:
        return False
