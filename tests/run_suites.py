"""Runs every suite, each in the environment that it needs, and prints counts, durations and the budget of each."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Some of the tests.

    Attributes:
        name: what the summary calls it.
        python: the interpreter, below the root.
        arguments: for pytest.
        budget_seconds: what it may take on two cores; printed beside what it took, and no reason to fail.
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


SUITES = (
    Suite(
        name="fast",
        python=".venv/bin/python",
        arguments=("-m", "not tools and not cluster and not model_build and not contract"),
        budget_seconds=120,
    ),
    Suite(
        name="model_build",
        python=".venv-model-build/bin/python",
        arguments=("-m", "model_build", "tests/model_build"),
        budget_seconds=180,
    ),
    Suite(
        name="contract",
        python=".venv/bin/python",
        arguments=("-m", "contract", "tests/contracts/terraform"),
        budget_seconds=600,
    ),
    Suite(name="tools", python=".venv/bin/python", arguments=("-m", "tools and not cluster"), budget_seconds=1200),
    Suite(name="cluster", python=".venv/bin/python", arguments=("-m", "cluster"), budget_seconds=1200),
)


def run(suite: Suite) -> Result:
    """Run one suite; its output goes to this process's."""
    print(f"\n=== {suite.name} (budget {suite.budget_seconds} s)", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ("-q", "--durations=10", f"--junitxml={report}")
        command = [ROOT / suite.python, "-m", "pytest", *options, *suite.arguments]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        seconds = time.monotonic() - started
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


def main() -> int:
    """Run all suites, also after a failure, and sum up.

    Returns:
        0 if nothing failed and each suite had a test, else 1.
    """
    results = [run(suite) for suite in SUITES]
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
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or empty else 0


if __name__ == "__main__":
    sys.exit(main())
