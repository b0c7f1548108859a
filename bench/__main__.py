"""``python -m bench``: measure the targets on this machine and print them as a table."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import growth, measure, rehearsals, telemetry
from bench.measure import MeasurementError
from bench.targets import Measured

MEASUREMENTS = {
    "start": measure.start,
    "nothing-to-do": measure.nothing_to_do,
    "memory": measure.memory,
    "tools": measure.tools,
    "telemetry": telemetry.telemetry,
    "settings": rehearsals.load_settings,
    "rehearsal": rehearsals.rehearsal,
    "growth": growth.growth,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", type=click.Choice(list(MEASUREMENTS)), multiple=True, help="Measure this alone; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(only: tuple[str, ...], *, as_json: bool) -> None:
    """Measure the speed and memory targets. `start` takes the local stack down and up; the others need it up.

    Exit status: 0 all measured and met, 1 something was missed, 2 a command that is measured failed.
    """
    progress = Console(stderr=True)
    rows = list[Measured]()
    pressure = _pressure()
    try:
        for name in only or MEASUREMENTS:
            progress.print(f"measuring {name} …")
            rows += MEASUREMENTS[name]()
    except MeasurementError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, CPU pressure {pressure}"
    )
    if as_json:
        figures = [
            {
                "name": row.target.name,
                "value": row.value,
                "limit": row.target.limit,
                "unit": row.target.unit,
                "met": row.met,
            }
            for row in rows
        ]
        click.echo(json.dumps({"machine": machine, "figures": figures}, indent=2))
    else:
        _print(rows, machine)
    sys.exit(0 if all(row.met for row in rows) else 1)


def _pressure() -> str:
    """How much of the last minute some process waited for a CPU: a contended run says little."""
    try:
        return Path("/proc/pressure/cpu").read_text(encoding="utf-8").split()[2]
    except OSError:
        return "unknown"


def _print(rows: list[Measured], machine: str) -> None:
    table = Table("target", "measured", "at most", "", "note", box=None)
    for row in rows:
        value = "not measured" if row.value is None else f"{row.value:.2f} {row.target.unit}"
        limit = f"{row.target.limit:g} {row.target.unit}"
        table.add_row(row.target.name, value, limit, "met" if row.met else "missed", row.note)
    console = Console(width=160)
    console.print(machine, highlight=False)
    console.print(table)


if __name__ == "__main__":
    main()
