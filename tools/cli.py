"""`python -m tools`: build, list, env."""

import json
import shlex
import signal
import sys
from collections.abc import Iterable
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console
from rich.table import Table

from tools.build import build as build_tools
from tools.catalogue import GO, NEEDED
from tools.environment import environment
from tools.errors import ToolError
from tools.layout import default_layout
from tools.model import Tool
from tools.probe import Probe
from tools.status import Status, survey

_INTERRUPTED = 130

_kind = click.option(
    "--for",
    "kind",
    type=click.Choice(sorted(NEEDED)),
    default="embedded",
    show_default=True,
    help="The stack's cluster.kind: an existing cluster needs no tool that runs or fills one. Or a rehearsal.",
)


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Find the pinned tools on PATH, or build and install them into .tools. Without a command: build."""
    if context.invoked_subcommand is None:
        context.invoke(build)


@main.command()
@_kind
@click.option("--only", metavar="NAME", multiple=True, help="A tool, a program of it, or a group; may be repeated.")
def build(*, kind: str, only: tuple[str, ...]) -> None:
    """Make what is missing. Exit code 1: a tool could not be made. It can be cut off and run again."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console()
    try:
        found = build_tools(default_layout(), list(_selected(only, kind)), console)
    except ToolError as error:
        _fail(console, str(error))
    except OSError as error:  # the disk is full, or .tools belongs to another account
        _fail(console, f"{error.filename or 'tools'}: {error.strerror or error}")
    except KeyboardInterrupt:
        console.print("cut off; the tools made so far stay, and the next run goes on from here", highlight=False)
        sys.exit(_INTERRUPTED)
    console.print(f"{len(found)} tools are ready (python -m tools list tells where they are)", highlight=False)


@main.command(name="list")
@_kind
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def list_tools(*, kind: str, as_json: bool) -> None:
    """Show each tool, the version wanted, and where it was found. Exit code 1: something is missing."""
    layout = default_layout()
    found = survey(layout, Probe(layout), (GO, *NEEDED[kind]))
    if as_json:
        click.echo(json.dumps([_record(status) for status in found], indent=2))
    else:
        Console().print(_table(found))
    # Go matters only where something has to be built.
    sys.exit(0 if all(status.ready for status in found if status.tool is not GO) else 1)


@main.command()
def env() -> None:
    """Print the environment of the tools, for `eval "$(python -m tools env)"`."""
    for name, value in environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _fail(console: Console, message: str) -> NoReturn:
    console.print(f"error: {message}", style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(1)


def _selected(names: Iterable[str], kind: str) -> Iterable[Tool]:
    """Return the tools that the names mean, in the catalogue's order; all that the kind needs if there are no names.

    Go counts among them only by name: where nothing has to be built nothing needs it.

    Raises:
        ToolError: a name means none.
    """
    wanted = set(names)
    if not wanted:
        return NEEDED[kind]
    offered = (GO, *NEEDED[kind])
    known = {name for tool in offered for name in (tool.name, tool.group, *tool.programs)}
    if wanted - known:
        unknown = ", ".join(sorted(wanted - known))
        allowed = ", ".join(sorted({tool.name for tool in offered} | {tool.group for tool in offered}))
        raise ToolError(f"--only {unknown}: no such tool for {kind} clusters; there are {allowed}")
    return [tool for tool in offered if wanted & {tool.name, tool.group, *tool.programs}]


def _record(status: Status) -> dict[str, object]:
    return {
        "name": status.tool.name,
        "wanted": status.tool.version,
        "accepted_on_path": status.tool.accept,
        "origin": status.origin,
        "version": status.version,
        "programs": [str(program) for program in status.programs],
        "ready": status.ready,
        "remark": status.remark,
    }


def _table(found: list[Status]) -> Table:
    table = Table("tool", "version", "found", box=None, padding=(0, 2, 0, 0))
    table.add_column("where", overflow="fold")
    for status in found:
        where = str(status.programs[0].parent) if status.programs else status.remark
        style = None if status.ready else "red"
        table.add_row(status.tool.name, status.version or status.tool.version, status.origin, where, style=style)
    return table


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
