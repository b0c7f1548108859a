"""Programs to rehearse: this checkout's as it was committed, with a change."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rehearsal import source
from rehearsal.report import Report

CHECKOUT = Path(__file__).parents[2]
SECONDS = 400


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """How a rehearsal ended: its exit status, its report where there is one, and what it said on standard error."""

    status: int
    report: Report | None
    said: str


def program(to: Path, *changes: tuple[str, str, str]) -> Path:
    """Make a checkout whose HEAD is this one's, with texts replaced: (file, old, new), each old text once."""
    source.export(CHECKOUT, "HEAD", to, checkout=CHECKOUT)
    (to / ".git").symlink_to(CHECKOUT / ".git")
    for file, old, new in changes:
        text = (to / file).read_text()
        assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
        (to / file).write_text(text.replace(old, new))
    return to


def rehearse(stack: str, *arguments: str) -> Rehearsed:
    """Run `python -m rehearsal run` to its end."""
    answer = subprocess.run(
        [sys.executable, "-m", "rehearsal", "run", "--stack", stack, "--json", "-", *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    report = Report.model_validate(json.loads(answer.stdout)) if answer.stdout else None
    return Rehearsed(status=answer.returncode, report=report, said=answer.stderr)
