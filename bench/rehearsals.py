"""Measurements of stacks on AWS: how fast their settings load, and what rehearsals cost."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench import programs, targets
from bench.measure import ROOT, MeasurementError
from bench.targets import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PAIRS = 3
_SAMPLE_SECONDS = 0.2
_MEBIBYTE = 2**20
# A lone bucket is not what the rules want of a bucket; its preview is complete nevertheless.
_FORBIDDEN = 3
# Each as a fresh process, imports included.
_LOAD = """
import time
begin = time.perf_counter()
import sys
from pathlib import Path
from infra import settings
root = Path(sys.argv[1])
for file in root.glob("Pulumi.*.yaml"):
    settings.read(file.name.split(".")[1], root)
print(time.perf_counter() - begin)
"""


def load_settings() -> Iterator[Measured]:
    """All stack files, read and checked by a fresh process, without the interpreter's own start."""
    seconds = [float(_run([sys.executable, "-c", _LOAD, str(ROOT)])) for _ in range(5)]
    yield Measured(target=targets.SETTINGS, value=statistics.median(seconds), note="median of 5, imports included")


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What one rehearsal took.

    Attributes:
        resources: how many were declared.
        preview: seconds of it.
        update: seconds of it; 0 if there was none.
        total: seconds, control plane included.
        peak_mib: most memory that its processes had resident together, control plane included.
    """

    resources: int
    preview: float
    update: float
    total: float
    peak_mib: float


def rehearsal() -> Iterator[Measured]:
    """A rehearsal of prod from nothing, and its preview against that of one bucket, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        bucket = programs.one_bucket(ROOT, Path(folder) / "bucket")
        pairs = [(rehearse("prod", bucket, forbidden=True), rehearse("prod", ROOT)) for _ in range(_PAIRS)]
    whole = [prod for _, prod in pairs]
    yield Measured(
        target=targets.REHEARSAL,
        value=statistics.median(each.total for each in whole),
        note=f"{whole[0].resources} resources, {max(each.peak_mib for each in whole):.0f} MiB at the most",
    )
    ratio = statistics.median(prod.preview / one.preview for one, prod in pairs)
    peer, value = (statistics.median(pair[index].preview for pair in pairs) for index in (0, 1))
    yield Measured(
        target=targets.REHEARSED_PREVIEW,
        value=ratio,
        note=f"{value:.1f} s / {peer:.1f} s, median of {_PAIRS} pairs",
    )


def rehearse(stack: str, program: Path, *, forbidden: bool = False) -> Rehearsed:
    """Rehearse a stack of a program, and watch the memory of all processes that belong to it.

    Args:
        stack: its name.
        program: the checkout that is rehearsed.
        forbidden: whether a rule forbids it, so that its preview is the end.

    Raises:
        MeasurementError: the rehearsal did not end well.
    """
    command = [sys.executable, "-m", "rehearsal", "run", "--stack", stack, "--program", str(program), "--json", "-"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        peak = _Peak(process.pid)
        peak.start()
        output, errors = process.communicate()
        peak.join()
    if process.returncode != (_FORBIDDEN if forbidden else 0):
        raise MeasurementError(f"`{' '.join(command)}` ended with {process.returncode}:\n{errors.strip()[-1500:]}")
    report: dict[str, Any] = json.loads(output)
    timings: dict[str, Any] = report["timings"]
    return Rehearsed(
        resources=len(report["changes"]),
        preview=timings["preview"],
        update=timings["update"] or 0.0,
        total=timings["total"],
        peak_mib=peak.bytes / _MEBIBYTE,
    )


class _Peak(threading.Thread):
    """The most resident memory of a process and all below it, shared pages counted once for each."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self.bytes = 0

    def run(self) -> None:
        while self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE:
            try:
                tree = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.bytes = max(self.bytes, sum(map(_resident, tree)))
            time.sleep(_SAMPLE_SECONDS)


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def _run(command: Sequence[str]) -> str:
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise MeasurementError(f"`{command[0]} …` ended with {answer.returncode}:\n{answer.stderr.strip()[-1500:]}")
    return answer.stdout
