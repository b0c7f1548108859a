"""The command `python -m rehearsal`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from infra.settings.errors import SettingsError
from local.errors import ClusterError
from local.progress import Progress
from rehearsal.errors import ExitCode, RehearsalError, UsageError

if TYPE_CHECKING:
    from types import FrameType

    from rehearsal.report import Report

CHECKOUT = Path(__file__).resolve().parents[1]
_STDOUT = "-"
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True)


class _Sentences(click.Group):
    """Turns what a user can act on into one line and the exit code that belongs to it."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RehearsalError as error:
            text, code = str(error), error.code
        except SettingsError as error:
            text, code = str(error), ExitCode.USAGE
        except BrokenPipeError:
            raise  # whoever read the report has seen enough; click ends quietly
        except (ClusterError, OSError) as error:
            text, code = str(error), ExitCode.FAILED
        click.echo(f"error: {text}", err=True)
        raise click.exceptions.Exit(int(code))


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Rehearse a stack without a cloud account, on a throw-away control plane with stand-ins for AWS.

    Exit codes: 0 fine; 1 it fails for another reason; 2 wrong usage or settings; 3 a rule forbids it; 4 pods would find
    no node, or a pool has too few GPUs; 5 something that holds data would be replaced or deleted. Where several hold,
    the first of 3, 5 and 4.
    """


@main.command()
@click.option("--stack", required=True, help="The stack: local, dev, staging, prod.")
@click.option("--from", "reference", help="Git reference to begin with, e.g. a tag; by default, nothing is there.")
@click.option(
    "--program",
    type=_FOLDER,
    help="Another checkout, e.g. a pull request's, whose program and stack file are rehearsed by this one's rules.",
)
@click.option("--json", "json_file", help="Write the report as JSON to this file; - is the standard output.")
@click.option(
    "--markdown", "markdown_file", help="Write the report as Markdown to this file; - is the standard output."
)
def run(
    stack: str, reference: str | None, program: Path | None, json_file: str | None, markdown_file: str | None
) -> None:
    """Apply a stack as of --from, then as of the working tree, and report what that does."""
    if json_file == markdown_file == _STDOUT:
        raise click.UsageError("--json - and --markdown - cannot both write to the standard output")
    for file in (json_file, markdown_file):
        _check_writable(file)
    from rehearsal.run import rehearse  # noqa: PLC0415  loads far more than --help needs

    _end_in_order()
    console = Console(stderr=True)
    with Progress(console, title="rehearsal") as progress:
        report = rehearse(stack, reference=reference or None, checkout=CHECKOUT, program=program, progress=progress)
    _write(report, json_file=json_file, markdown_file=markdown_file)
    sys.exit(int(report.exit_code))


@main.command()
@click.option("--stack", required=True, help="The stack: local, dev, staging, prod.")
@click.option("--program", type=_FOLDER, help="Another checkout whose program and stack file are rehearsed.")
@click.option("--empty", is_flag=True, help="Apply nothing: control plane and state are empty.")
@click.argument("command", nargs=-1)
def shell(stack: str, program: Path | None, command: tuple[str, ...], *, empty: bool) -> None:
    """Look into a rehearsed stack: run COMMAND (by default a shell) where pulumi and kubectl work on it.

    The exit code is the command's. Everything is removed when it ends.
    """
    from rehearsal.shell import run_within  # noqa: PLC0415  as above

    _end_in_order()
    with Progress(Console(stderr=True), title="rehearsal") as progress:
        status = run_within(
            stack,
            command or (os.environ.get("SHELL", "sh"),),
            apply=not empty,
            checkout=CHECKOUT,
            program=program,
            progress=progress,
        )
    sys.exit(status)


@main.command()
@click.option("--refresh", is_flag=True, help="Read the prices of a region anew; needs credentials of any account.")
@click.option("--region", default="eu-central-1", show_default=True, help="Which region's prices.")
def prices(region: str, *, refresh: bool) -> None:
    """Show the price table of a region, or read it anew from the AWS price list API."""
    from rehearsal import price_list  # noqa: PLC0415  as above
    from rehearsal import prices as tables  # noqa: PLC0415

    table = tables.load()
    if refresh:
        table = price_list.refresh(
            table, region=region, client=price_list.connect(), progress=lambda line: click.echo(line, err=True)
        )
        tables.save(table)
    if region not in table.regions:
        known = ", ".join(sorted(table.regions))
        raise RehearsalError(
            f"--region {region!r}: the table has no prices of it. Regions there: {known};"
            f" to add one: python -m rehearsal prices --refresh --region {region}",
            code=ExitCode.USAGE,
        )
    click.echo(f"{table.currency}, {table.date}, {table.source}")
    for item, price in sorted(table.regions[region].items()):
        click.echo(f"{item:32} {price:g}")


def _write(report: Report, *, json_file: str | None, markdown_file: str | None) -> None:
    from rehearsal import markdown, terminal  # noqa: PLC0415  as above

    texts = [(json_file, report.model_dump_json(indent=2) + "\n"), (markdown_file, markdown.render(report))]
    for file, text in texts:
        if file == _STDOUT:
            click.echo(text, nl=False)
        elif file:
            Path(file).write_text(text, encoding="utf-8")
    if _STDOUT not in {json_file, markdown_file}:
        terminal.show(report, Console())
    elif report.reasons:
        click.echo("\n".join(report.reasons), err=True)


def _check_writable(file: str | None) -> None:
    """Refuse a file that cannot be written before a minute's work would be lost.

    Raises:
        UsageError: it is a folder, or the system refuses.
    """
    if file is None or file == _STDOUT:
        return
    path = Path(file)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    place = path if path.exists() else path.parent
    if path.is_dir() or (place != path and not place.is_dir()) or not os.access(place, os.W_OK):
        raise UsageError(
            f"{file!r} cannot be written. Allowed: a file that you may write, or - for the standard output"
        )


def _end_in_order() -> None:
    """Take the signals that end a process as Ctrl-C is taken, so that what was started is removed at once."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        click.echo(f"rehearsal: ended by {signal.Signals(number).name}; what it started is being removed", err=True)
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):  # not in the main thread, as in some tests
            signal.signal(number, end)


if __name__ == "__main__":
    main()
