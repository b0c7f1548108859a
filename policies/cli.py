"""`python -m policies`: what the pack holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from policies.rule import StackRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.rule import Rule


def main(rules: Sequence[Rule]) -> None:
    """Run the command line over these rules."""

    @click.group(
        help="The policy pack that every stack is checked against.", context_settings={"max_content_width": 100}
    )
    def command() -> None:
        pass

    @command.command("list")
    @click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of a table.")
    def list_rules(*, as_json: bool) -> None:
        """List the rules: what each requires, and what to do where it fails. All are mandatory."""
        rows = [_describe(rule) for rule in rules]
        if as_json:
            click.echo(json.dumps(rows, indent=2))
        else:
            Console().print(_table(rows))

    command(prog_name="python -m policies")


def _describe(rule: Rule) -> dict[str, str]:
    return {
        "name": rule.name,
        "judges": "stack" if isinstance(rule, StackRule) else "resource",
        "enforcement": "mandatory",
        "requires": rule.title,
        "to_do": rule.remedy,
    }


def _table(rows: Sequence[dict[str, str]]) -> Table:
    table = Table("rule", "judges", "requires", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["judges"], row["requires"])
    return table
