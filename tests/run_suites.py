"""Runs every suite, each in the environment that it needs, and prints counts, durations and the budget of each.

Suites that mind nobody run in lanes beside each other, since much of a test's time is waiting for a process. Those that
share the machine's one cluster run alone afterwards: they compare what the machine holds, and drive load.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Some of the tests.

    Attributes:
        name: what the summary calls it.
        python: the interpreter, below the root.
        arguments: for pytest.
        budget_seconds: what it may take on two cores, warm; printed beside what it took, and no reason to fail.
    """

    name: str
    python: str
    arguments: tuple[str, ...]
    budget_seconds: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a suite ended."""

    suite: Suite
    seconds: float
    passed: int
    failed: int
    skipped: int


FAST = Suite(
    name="fast",
    python=".venv/bin/python",
    arguments=("-m", "not tools and not cluster and not model_build and not contract"),
    budget_seconds=150,
)
MODEL_BUILD = Suite(
    name="model_build",
    python=".venv-model-build/bin/python",
    arguments=("-m", "model_build", "tests/model_build"),
    budget_seconds=120,
)
CONTRACT = Suite(
    name="contract",
    python=".venv/bin/python",
    arguments=("-m", "contract", "tests/contracts/terraform"),
    budget_seconds=280,
)
DOCS = Suite(
    name="docs",
    python=".venv/bin/python",
    arguments=("-m", "tools and not cluster", "tests/docs"),
    budget_seconds=210,
)
TOOLS = Suite(
    name="tools",
    python=".venv/bin/python",
    arguments=("-m", "tools and not cluster", "--ignore=tests/docs"),
    budget_seconds=620,
)
CLUSTER = Suite(name="cluster", python=".venv/bin/python", arguments=("-m", "cluster"), budget_seconds=650)

Lane = tuple[Suite, ...]
STAGES: tuple[tuple[Lane, ...], ...] = (((FAST, MODEL_BUILD, CONTRACT, DOCS), (TOOLS,)), ((CLUSTER,),))
"""One after the other; of each the lanes side by side, and of a lane the suites one after the other."""


async def run(suite: Suite, *, alone: bool) -> Result:
    """Run one suite.

    Args:
        suite: which.
        alone: its output goes straight to this process's; else it is shown when the suite ends, whole.
    """
    print(f"\n=== {suite.name} begins (budget {suite.budget_seconds} s)", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report, output = Path(folder) / "report.xml", Path(folder) / "output"
        options = ("-q", "--durations=10", f"--junitxml={report}")
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(ROOT / suite.python, "-m", "pytest", *options, *suite.arguments),
                cwd=ROOT,
                stdout=None if alone else file,
                stderr=None if alone else file,
                start_new_session=True,  # a terminal's Ctrl-C reaches this process alone, which passes it on
            )
        try:
            status = await _ended(process)
        finally:
            seconds = time.monotonic() - started
            if not alone:
                print(f"\n=== {suite.name}, {seconds:.0f} s\n{output.read_text(errors='replace')}", flush=True)
        if not report.exists():
            # pytest could not even start: that is a failure of the suite as a whole.
            return Result(suite=suite, seconds=seconds, passed=0, failed=1, skipped=0)
        counts = next(ET.parse(report).getroot().iter("testsuite")).attrib  # noqa: S314  # pytest's own report
    failed = int(counts["failures"]) + int(counts["errors"])
    skipped = int(counts["skipped"])
    passed = int(counts["tests"]) - failed - skipped
    if status and not failed:
        failed = 1
    return Result(suite=suite, seconds=seconds, passed=passed, failed=failed, skipped=skipped)


async def _ended(process: asyncio.subprocess.Process) -> int:
    """The exit status. Who interrupts this interrupts the process and its children; a second time kills them."""
    try:
        return await process.wait()
    except asyncio.CancelledError:
        _signal(process, signal.SIGINT)
        try:
            await process.wait()
        except asyncio.CancelledError:
            _signal(process, signal.SIGKILL)
        raise


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def _run_lane(lane: Lane, *, alone: bool) -> list[Result]:
    return [await run(suite, alone=alone) for suite in lane]


async def run_all() -> list[Result]:
    """Run every stage, also after a failure; Ctrl-C and SIGTERM end all that runs."""
    task = asyncio.current_task()
    assert task is not None  # there is one in every coroutine
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    results: list[Result] = []
    for stage in STAGES:
        running = (_run_lane(lane, alone=len(stage) == 1) for lane in stage)
        # Without exceptions among its results, it would not wait for all that it cancels.
        for lane in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(lane, BaseException):
                raise lane
            results += lane
    return results


def main() -> int:
    """Run all suites and sum up.

    Returns:
        0 if nothing failed and each suite had a test, 130 if they were interrupted, else 1.
    """
    started = time.monotonic()
    try:
        results = asyncio.run(run_all())
    except asyncio.CancelledError:
        print("\ninterrupted: not all suites have run", file=sys.stderr)
        return INTERRUPTED
    print("\nsuite         passed  failed  skipped   seconds   budget")
    for result in results:
        print(
            f"{result.suite.name:<12}{result.passed:>8}{result.failed:>8}{result.skipped:>9}"
            f"{result.seconds:>10.0f}{result.suite.budget_seconds:>9}"
        )
    empty = [result.suite.name for result in results if not result.passed and not result.failed]
    for name in empty:
        print(f"{name}: no test ran, though there are some", file=sys.stderr)
    passed, failed, skipped = (
        sum(getattr(result, field) for result in results) for field in ("passed", "failed", "skipped")
    )
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - started:.0f} s")
    return 1 if failed or empty else 0


if __name__ == "__main__":
    sys.exit(main())
