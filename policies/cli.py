"""`python -m policies`: what the pack holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from policies.rule import StackRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.exemptions import Exemption
    from policies.rule import Rule


def main(rules: Sequence[Rule], exemptions: Sequence[Exemption]) -> None:
    """Run the command line over these rules and what they let pass."""

    @click.group(
        help="The policy pack that every stack is checked against.", context_settings={"max_content_width": 100}
    )
    def command() -> None:
        pass

    @command.command("list")
    @click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of a table.")
    def list_rules(*, as_json: bool) -> None:
        """List the rules: what each requires, what to do where it fails, who is exempted. All are mandatory."""
        rows = [_describe(rule, exemptions) for rule in rules]
        if as_json:
            click.echo(json.dumps(rows, indent=2, default=str))
        else:
            Console().print(_table(rows))
            Console().print("", _exempted(exemptions))

    command(prog_name="python -m policies")


def _describe(rule: Rule, exemptions: Sequence[Exemption]) -> dict[str, Any]:
    return {
        "name": rule.name,
        "judges": "stack" if isinstance(rule, StackRule) else "resource",
        "enforcement": "mandatory",
        "requires": rule.title,
        "to_do": rule.remedy,
        "exemptions": [asdict(exemption) for exemption in exemptions if exemption.rule == rule.name],
    }


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("rule", "judges", "requires", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["judges"], row["requires"])
    return table


def _exempted(exemptions: Sequence[Exemption]) -> Table:
    table = Table("exempted from", box=None, pad_edge=False)
    for column in ("resource", "until", "owner", "reason"):
        table.add_column(column, overflow="fold")
    for exemption in exemptions:
        resource = exemption.resource.rpartition(":")[2]
        table.add_row(exemption.rule, resource, str(exemption.until), exemption.owner, exemption.reason)
    return table
