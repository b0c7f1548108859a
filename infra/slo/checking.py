"""Has promtool and amtool check what was written for a stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.slo import rendering

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Weeks of samples are simulated; ten times what it takes on two busy cores.
_MOST_SECONDS: Final = 600


class ToolMissingError(Exception):
    """promtool or amtool is nowhere; the text is for the user."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Where the tools are."""

    promtool: str
    amtool: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a check ended.

    Attributes:
        name: what was checked.
        fine: whether it is as it must be.
        seconds: how long it took.
        output: what the tool said.
    """

    name: str
    fine: bool
    seconds: float
    output: str

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"name": self.name, "fine": self.fine, "seconds": round(self.seconds, 1), "output": self.output}


def find(root: Path) -> Tools:
    """Find both tools among those built here, or on PATH.

    Args:
        root: of the project.

    Raises:
        ToolMissingError: one is nowhere.
    """
    path = os.pathsep.join((str(root / ".tools" / "bin"), os.environ.get("PATH", "")))
    found = {name: shutil.which(name, path=path) for name in ("promtool", "amtool")}
    if missing := [name for name, place in found.items() if place is None]:
        raise ToolMissingError(
            f"{' and '.join(missing)}: neither in .tools/bin nor on PATH. "
            "`python -m tools build --only promtool --only amtool` builds them"
        )
    return Tools(promtool=str(found["promtool"]), amtool=str(found["amtool"]))


def check(folder: Path, tools: Tools) -> Iterator[Result]:
    """Check what :func:`infra.slo.render` gave, as files below a folder; each result as soon as it is there."""
    for rules in sorted(folder.glob(f"*/{rendering.RULES}")):
        name = rules.relative_to(folder)
        yield _run(f"{name}: rules", [tools.promtool, "check", "rules", "--lint=all", "--lint-fatal", str(rules)])
    for tests in sorted(folder.glob(f"*/{rendering.TESTS}")):
        yield _run(f"{tests.relative_to(folder)}: unit tests", [tools.promtool, "test", "rules", str(tests)])
    configuration = folder / "alertmanager" / rendering.ALERTMANAGER
    name = configuration.relative_to(folder)
    yield _run(f"{name}: configuration", [tools.amtool, "check-config", str(configuration)])
    yield _routes(configuration, folder / "alertmanager" / rendering.ROUTES, tools)


def _routes(configuration: Path, tests: Path, tools: Tools) -> Result:
    started = time.monotonic()
    wrong: list[str] = []
    all_tests: list[dict[str, Any]] = json.loads(tests.read_text(encoding="utf-8"))
    for test in all_tests:
        labels = [f"{key}={value}" for key, value in test["labels"].items()]
        command = [tools.amtool, "config", "routes", "test", f"--config.file={configuration}"]
        result = _run("route", [*command, f"--verify.receivers={test['receiver']}", *labels])
        if not result.fine:
            wrong.append(f"{' '.join(labels)}: {result.output.strip()}")
    return Result(
        name=f"{configuration.parent.name}/{configuration.name}: routes of {len(all_tests)} alerts",
        fine=not wrong,
        seconds=time.monotonic() - started,
        output="\n".join(wrong),
    )


def _run(name: str, command: Sequence[str]) -> Result:
    started = time.monotonic()
    # promtool leaves its simulated databases where it is cut off.
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "TMPDIR": scratch}
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=_MOST_SECONDS, env=environment
            )
        except subprocess.TimeoutExpired:
            return Result(name=name, fine=False, seconds=_MOST_SECONDS, output=f"not done after {_MOST_SECONDS} s")
        except OSError as error:
            why = f"{command[0]} cannot be started: {error.strerror}"
            return Result(name=name, fine=False, seconds=time.monotonic() - started, output=why)
    output = done.stdout + done.stderr
    return Result(name=name, fine=not done.returncode, seconds=time.monotonic() - started, output=output)
