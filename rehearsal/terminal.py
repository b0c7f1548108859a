"""The report for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from rehearsal import wording

if TYPE_CHECKING:
    from rich.console import Console

    from rehearsal.report import Change, Cost, Report

_COLOURS = {"replaced": "magenta", "deleted": "red", "created": "green", "updated": "yellow"}
_LISTED = 30


def show(report: Report, console: Console) -> None:
    """Print the report: the verdict and its reasons first."""
    console.print(report.notice, style="bold", highlight=False, soft_wrap=True)
    style = "green" if report.exit_code == 0 else "red"
    console.print(f"{wording.verdict(report)}", style=f"bold {style}", highlight=False, soft_wrap=True)
    for reason in report.reasons:
        console.print(f"  - {reason}", highlight=False, soft_wrap=True, markup=False)
    _changes(report, console)
    _releases(report, console)
    _pools(report, console)
    _policies(report, console)
    if report.cost:
        _cost(report.cost, console)
    console.print(f"\n[bold]Not checked:[/bold] {'; '.join(report.not_checked)}.", highlight=False, soft_wrap=True)
    console.print(wording.timings(report), style="dim", highlight=False, soft_wrap=True)


def _changes(report: Report, console: Console) -> None:
    console.print(f"\n[bold]Changes:[/bold] {wording.counts(report)}", highlight=False, soft_wrap=True)
    grave = [change for change in report.changes if change.change in {"replaced", "deleted"}]
    rest = [change for change in report.changes if change not in grave]
    for change in grave:
        _change(change, console)
    # A new stack has hundreds: they say little one by one.
    for change in rest if len(rest) <= _LISTED else ():
        _change(change, console)
    if len(rest) > _LISTED:
        for line in wording.by_type(rest):
            console.print(f"  {line}", highlight=False, soft_wrap=True)


def _change(change: Change, console: Console) -> None:
    colour = _COLOURS[change.change]
    console.print(
        f"  [{colour}]{change.change:9}[/{colour}] {escape(wording.change(change))}", highlight=False, soft_wrap=True
    )


def _releases(report: Report, console: Console) -> None:
    if report.releases:
        console.print("\n[bold]Releases:[/bold]", highlight=False)
    for each in report.releases:
        console.print(f"  {wording.release(each)}", highlight=False, soft_wrap=True, markup=False)


def _pools(report: Report, console: Console) -> None:
    table = Table("GPU pool", "wanted at rest", "in an update", "in a release", "there", "at most", box=None)
    for pool in report.pools:
        table.add_row(*wording.pool(pool))
    console.print()
    console.print(table)
    for remark in wording.shortages(report):
        console.print(f"  {remark}", style="yellow", highlight=False, soft_wrap=True)
    for remark in wording.cold_nodes(report):
        console.print(f"  {remark}", highlight=False, soft_wrap=True)
    for group in report.node_groups:
        console.print(f"  {wording.node_group(group)}", highlight=False, soft_wrap=True)
    for each in report.pending_pods:
        console.print(f"  [red]no node[/red] {each.pod}: {escape(each.reason)}", highlight=False, soft_wrap=True)
        if each.remark:
            console.print(f"          {each.remark}", highlight=False, soft_wrap=True)
    for name, reason in report.routes.items():
        console.print(f"  [red]not accepted[/red] {name}: {escape(reason)}", highlight=False, soft_wrap=True)


def _policies(report: Report, console: Console) -> None:
    console.print(f"\n[bold]Policies:[/bold] {wording.policies(report)}", highlight=False, soft_wrap=True)
    for answer, subject, lines in wording.findings(report):
        colour = "red" if answer == "fail" else "yellow"
        console.print(f"  [{colour}]{answer}[/{colour}] {escape(subject)}", highlight=False, soft_wrap=True)
        for line in lines:
            console.print(f"    {line}", highlight=False, soft_wrap=True, markup=False)


def _cost(cost: Cost, console: Console) -> None:
    console.print(f"\n[bold]Fixed cost:[/bold] {wording.cost(cost)}", highlight=False, soft_wrap=True)
    table = Table("item", "before", "after", "at most", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for line in cost.lines:
        table.add_row(line.item, *(f"{amount:,.2f}" for amount in (line.before, line.after, line.at_most)))
    console.print(table)
    for note in wording.cost_notes(cost):
        console.print(f"  {note}", highlight=False, soft_wrap=True)
