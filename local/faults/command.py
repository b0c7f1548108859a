"""The command `python -m local fault`."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from infra import settings
from local.api import Api
from local.errors import ClusterError
from local.faults.drill import Drill, Report
from local.faults.kinds import KINDS
from local.faults.target import Target
from local.faults.timeline import durations
from local.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from local.faults.timeline import Event

_KINDS = "\n".join(f"  {fault.kind:9} {fault.meaning}" for fault in KINDS.values())
_HELP = f"""Break something for real, watch what monitoring makes of it, and mend it.

\b
KIND is one of
{_KINDS}

The fault is undone when its alert was delivered, after --seconds, or however this command ends. Requests go to
127.0.0.1 only.

Exit codes: 0 the alert fired, was delivered, and both again when it was resolved; 1 one of these is missing, or
something that the drill needs; 2 wrong usage.
"""


@click.command(help=_HELP)
@click.argument("kind", type=click.Choice(list(KINDS)), required=False, metavar="[KIND]")
@click.option("--service", help="Whose fault it is; the stack's first service by default.")
@click.option(
    "--seconds", type=click.IntRange(1, 3600), help="End the fault after this time, not when its alert is delivered."
)
@click.option("--undo", is_flag=True, help="Only undo the faults that are there, of every kind.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole drill as JSON at its end.")
def fault(kind: str | None, service: str | None, seconds: int | None, *, undo: bool, as_json: bool) -> None:
    """Run one drill, or undo what others left; the help that people see is above."""
    if undo == (kind is not None):
        raise click.UsageError(f"say a kind, one of {', '.join(KINDS)}, or --undo")
    paths = Paths.of_this_checkout()
    if kind is None:
        _undo(paths)
        return
    target = Target.of(settings.read("local", paths.checkout), paths, service)
    screen = _Screen(Console(stderr=as_json, highlight=False))
    drill = Drill(fault=KINDS[kind], target=target, api=Api(paths.kubeconfig), say=screen.say, show=screen.show)
    with _ending_in_order(), screen.console.status(f"fault {kind}") as screen.status:
        report = drill.run(paths, seconds=seconds)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2, default=str))
    else:
        screen.summary(report)
    sys.exit(0 if report.complete else 1)


def _undo(paths: Paths) -> None:
    if not paths.ready_file.exists():
        raise ClusterError("the embedded cluster is not up: there is no fault in it")
    api = Api(paths.kubeconfig)
    done = [sentence for each in KINDS.values() for sentence in each.undo(api)]
    click.echo("\n".join(done) if done else "there is no fault to undo")


@contextmanager
def _ending_in_order() -> Generator[None]:
    """Let signals end the command as Ctrl-C does, through every block that puts something back."""

    def end(number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        click.echo("interrupted; there is no fault any more", err=True)
        sys.exit(128 + (interrupt.args[0] if interrupt.args else signal.SIGINT))


class _Screen:
    """Lines of what happens, with the time and the seconds since the fault began."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.status = console.status("")
        self._began: datetime | None = None

    def say(self, event: Event) -> None:
        if event.what == "fault begins":
            self._began = event.at
        since = f"{(event.at - self._began).total_seconds():+7.0f} s" if self._began else " " * 9
        self.console.print(f"{event.at.astimezone():%H:%M:%S} {since}  {event.sentence}", soft_wrap=True, markup=False)

    def show(self, text: str) -> None:
        self.status.update(text)

    def summary(self, report: Report) -> None:
        statuses = ", ".join(f"{count} x {status}" for status, count in report.statuses.items())
        self.console.print(f"requests: {statuses}, {report.held_back} held back", markup=False)
        for sentence in durations(report.events, report.expected):
            self.console.print(sentence, markup=False)
