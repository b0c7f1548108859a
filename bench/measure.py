"""The measurements. Each runs the product's own commands, as a user does."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench import targets
from bench.targets import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
_MEBIBYTE = 2**20
_PAIRS = 5


class MeasurementError(Exception):
    """A command that is measured failed; the message holds what it printed last."""


def _timed(command: Sequence[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> float:
    started = time.monotonic()
    answer = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if answer.returncode:
        tail = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-15:])
        raise MeasurementError(f"`{' '.join(command)}` ended with {answer.returncode}:\n{tail}")
    return time.monotonic() - started


def run_json(*module: str) -> Any:  # noqa: ANN401  # JSON is anything
    """What `python -m` with these arguments prints.

    Raises:
        MeasurementError: it failed.
    """
    command = [sys.executable, "-m", *module]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise MeasurementError(f"`python -m {' '.join(module)}` failed: {answer.stderr.strip()}\nrun `make up` first")
    return json.loads(answer.stdout)


def start() -> Iterator[Measured]:
    """From a stopped cluster, with tools, wheels and model in place, to a prediction."""
    _timed(["make", "tools", "wheels", "images", "model"])
    _timed(["make", "down"])
    ready = _timed([sys.executable, "-m", "local", "up"])
    yield Measured(target=targets.CLUSTER_READY, value=ready)
    yield Measured(target=targets.FIRST_PREDICTION, value=ready + _timed(["make", "up"]))


def nothing_to_do() -> Iterator[Measured]:
    """`pulumi up` of the local stack against an empty Python program, in turn, in one run."""
    local: dict[str, str] = run_json("local.stack", "env", "--json")
    own = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "local"]
    own += ["--config-file", local["INFERSTACK_STACK_FILE"]]
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "__main__.py").write_text("import pulumi\n", encoding="utf-8")
        (empty / "Pulumi.yaml").write_text(
            f"name: empty\nruntime:\n  name: python\n  options:\n    virtualenv: {ROOT / '.venv'}\n", encoding="utf-8"
        )
        (empty / "state").mkdir()
        environment = {**os.environ, **local, "PULUMI_BACKEND_URL": f"file://{empty / 'state'}"}
        _timed(["pulumi", "stack", "init", "empty"], cwd=empty, env=environment)
        rounds = [
            (
                _timed(["pulumi", "up", "--yes", "--skip-preview", "--stack", "empty"], cwd=empty, env=environment),
                _timed(own, env={**os.environ, **local}),
                _timed([*own, "--policy-pack", "policies"], env={**os.environ, **local}),
            )
            for _ in range(_PAIRS)
        ]
    for target, column in ((targets.NOTHING_TO_DO, 1), (targets.NOTHING_TO_DO_CHECKED, 2)):
        ratio = statistics.median(times[column] / times[0] for times in rounds)
        peer, value = (statistics.median(times[index] for times in rounds) for index in (0, column))
        yield Measured(target=target, value=ratio, note=f"{value:.2f} s / {peer:.2f} s, median of {_PAIRS} pairs")


def memory() -> Iterator[Measured]:
    """Resident memory while the stack is up."""
    status = run_json("local", "status", "--json")
    yield Measured(target=targets.CLUSTER_MEMORY, value=status["memory_mib"])
    pods = [
        process.info["memory_info"].rss / _MEBIBYTE
        for process in psutil.process_iter(["cmdline", "memory_info"])
        if process.info["cmdline"] and process.info["cmdline"][-2:] == ["-m", "serving"]
    ]
    yield Measured(
        target=targets.POD_MEMORY,
        value=max(pods, default=None),
        note=f"the largest of {len(pods)}" if pods else "no serving pod runs",
    )


def tools() -> Iterator[Measured]:
    """What the build of the tools took when it happened, and what asking again takes."""
    recorded = [json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / ".tools/stamps").glob("*.json")]
    seconds = [stamp["seconds"] for stamp in recorded if stamp.get("seconds") is not None]
    yield Measured(
        target=targets.TOOLS_BUILD,
        value=sum(seconds) if seconds else None,
        note=f"{len(seconds)} built here" if seconds else "all were found on PATH",
    )
    again = _timed(["make", "tools"])
    ratio = again / sum(seconds) if seconds else None
    yield Measured(target=targets.TOOLS_AGAIN, value=ratio, note=f"{again:.2f} s")
