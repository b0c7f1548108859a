"""Runs the commands that make a tool, keeps what they say, and explains a failure in a sentence."""

import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError
from tools.layout import Layout
from tools.model import Tool

_TAIL_LINES = 12
_TICK = 0.5  # seconds between two looks at the clock
_GRACE = 10.0  # seconds that an interrupted command may take to end

# The first one whose words are in the output (in lower case) names the reason.
_REASONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("no space left on device", "disk quota exceeded"), "the disk is full; free some space and run it again"),
    (
        ("403 forbidden", "status code 403"),
        "the package registry refuses this version (403); a registry that has it, or the tool on PATH, is needed",
    ),
    (("checksum mismatch", "security error", "hash mismatch"), "what was downloaded is not what the lock file names"),
    (
        (
            "no such host",
            "temporary failure in name resolution",
            "temporary failure resolving",
            "connection refused",
            "connection reset",
            "i/o timeout",
            "network is unreachable",
            "dns error",
            "tls handshake timeout",
            "error sending request",
            "could not connect",
            "failed to fetch",
        ),
        "a package registry cannot be reached; look at the network or the proxy's settings and run it again",
    ),
    (
        ("certificate signed by unknown authority", "failed to verify certificate"),
        "a registry's certificate cannot be checked; install ca-certificates (or your proxy's) and run it again",
    ),
    (("signal: killed", "cannot allocate memory", "out of memory"), "memory ran out; end something and run it again"),
    (("could not get lock", "is another process using it"), "another package installation is running; wait for it"),
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One tool being made."""

    tool: Tool
    layout: Layout
    log: Path
    """Receives what the commands say."""
    scratch: Path
    """An empty folder on the file system of `.tools`, removed in the end."""
    tick: Callable[[], None]
    """Called twice a second while a command runs."""

    def run(
        self, command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Run a command to its end.

        Raises:
            ToolError: it failed; the text names the tool, the command, the likely reason, the last lines and the log.
        """
        with self.log.open("a+", encoding="utf-8", errors="replace") as output:
            output.write(f"$ {shlex.join(command)}\n")
            output.flush()
            start = output.tell()
            try:
                process = subprocess.Popen(
                    command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
                )
            except OSError as error:
                raise ToolError(f"{self.tool.name}: {shlex.join(command)}: {error.strerror}") from error
            try:
                status = _wait(process, self.tick)
            finally:
                _end(process)
            output.seek(start)
            text = output.read()
        if status != 0:
            raise ToolError(self.failure(command, status=status, output=text))

    def failure(self, command: Sequence[str], *, status: int, output: str) -> str:
        """Return the message for a command that failed."""
        reason = reason_in(output) or f"a command ended with status {status}"
        lines = [line for line in output.splitlines() if line.strip()][-_TAIL_LINES:]
        tail = "\n".join(f"    {line}" for line in lines)
        head = f"{self.tool.name}: {reason}\n  command: {shlex.join(command)}"
        return f"{head}\n  its last lines:\n{tail}\n  log: {self.log}"


def reason_in(output: str) -> str | None:
    """Return the known reason that a command's output speaks of, as a sentence, or None."""
    text = output.lower()
    return next((reason for words, reason in _REASONS if any(word in text for word in words)), None)


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(timeout=_TICK)
        except subprocess.TimeoutExpired:
            tick()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no command behind when this process is interrupted."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
