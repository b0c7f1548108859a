"""``python -m rollout.evidence``: show how often the judge of releases is wrong, and how soon it is right."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rollout.evidence.simulation.scenario import EQUAL, STRESS, WORSE
from rollout.evidence.simulation.study import Studied, study

MOST_FALSE: Final = 0.05
LEAST_POWER: Final = 0.90


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The evidence for and against a candidate."""


@main.command()
@click.option("--releases", default=1000, show_default=True, type=click.IntRange(min=1), help="Of each scenario.")
@click.option("--seed", default=1, show_default=True, help="Of the first release; the next ones follow.")
@click.option("--stress", is_flag=True, help="Also equal versions in worlds that the method was not made for.")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(min=1))
@click.option("--pictures", type=click.Path(file_okay=False, path_type=Path), help="A folder to draw pictures into.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate(  # noqa: PLR0913 - the options of a command
    releases: int, seed: int, workers: int, pictures: Path | None, *, stress: bool, as_json: bool
) -> None:
    """Simulate releases, each looked at every minute for an hour, and count the verdicts.

    Exit status: 0 when the rate of false rollbacks is at most 5 % (upper 95 % bound) at each weight, and each worse
    version is found in at least 90 % of its releases within 20,000 compared requests; otherwise 1.
    """
    scenarios = {**EQUAL, **WORSE, **(STRESS if stress else {})}
    seeds = range(seed, seed + releases)
    studied = list[Studied]()
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        for name, scenario in scenarios.items():
            task = progress.add_task(name, total=releases)
            studied.append(
                study(
                    name,
                    scenario,
                    seeds=seeds,
                    workers=workers,
                    done=lambda more, task=task: progress.advance(task, more),
                )
            )
            if not console.is_terminal:
                click.echo(f"{name}: {releases:,} releases, {studied[-1].rollbacks:,} rolled back", err=True)
    if pictures is not None:
        from rollout.evidence.simulation.pictures import draw  # noqa: PLC0415 - matplotlib is for pictures alone

        draw(studied, pictures)
    missed = [one.name for one in studied if not _met(one)]
    if as_json:
        rows = [{**one.to_json(), "met": one.name not in missed} for one in studied]
        click.echo(json.dumps({"releases": releases, "seed": seed, "met": not missed, "scenarios": rows}, indent=2))
    else:
        Console().print(_table(studied))
    if missed:
        click.echo(f"not met: {', '.join(missed)}", err=True)
        sys.exit(1)


def _met(one: Studied) -> bool:
    """Stress is shown, not judged."""
    if one.name in EQUAL:
        return one.upper <= MOST_FALSE
    return one.name not in WORSE or one.power >= LEAST_POWER


def _table(studied: list[Studied]) -> Table:
    table = Table(title="Verdicts, looked at every minute for an hour")
    for name in ("scenario", "rolled back", "95 % bound", "median requests", "advanced", "median requests"):
        table.add_column(name, justify="left" if name == "scenario" else "right")
    for way in studied[0].usual:
        table.add_column(f"{way.name}:\nrolled back, median requests", justify="right")
    for one in studied:
        worse = one.name in WORSE
        table.add_row(
            one.name,
            f"{(one.power if worse else one.rate):.1%}",
            f"≥ {one.least_power:.1%}" if worse else f"≤ {one.upper:.1%}",
            _number(one.median_requests_to_rollback),
            f"{one.advances / one.releases:.1%}",
            _number(one.median_requests_to_advance),
            *(f"{way.rollbacks / one.releases:.1%}, {_number(way.median_requests)}" for way in one.usual),
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    main()
