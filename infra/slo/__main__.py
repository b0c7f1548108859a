"""``python -m infra.slo``: write what is generated for a stack, and have Prometheus's own tools check it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from infra import settings
from infra.settings.errors import SettingsError
from infra.slo import checking, render

if TYPE_CHECKING:
    from infra.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Rules, tests, routes and canary thresholds of a stack, all from the objectives of its services."""


@main.command("render")
@click.option("--stack", default="local", show_default=True, help="The stack whose file is read.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write into.")
def render_command(stack: str, out: Path) -> None:
    """Write all that is generated, a folder for each config map. Exit status 1: the stack file is wrong."""
    try:
        paths = _write(_read(stack), out)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}. Allowed: --out with a folder that can be written")
    for path in paths:
        click.echo(str(path))


@main.command()
@click.option("--stack", default="local", show_default=True, help="The stack whose file is read.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of the checks.")
def check(stack: str, *, as_json: bool) -> None:
    """Check rules and their tests with promtool, Alertmanager's configuration and routes with amtool.

    Exit status 1: something is wrong, and the output says what. 2: a tool is missing.
    """
    wanted = _read(stack)
    try:
        tools = checking.find(ROOT)
    except checking.ToolMissingError as error:
        _fail(str(error), status=2)
    with tempfile.TemporaryDirectory() as folder:
        _write(wanted, Path(folder))
        results: list[checking.Result] = []
        for result in checking.check(Path(folder), tools):
            results.append(result)
            if not as_json:
                click.echo(f"{'fine ' if result.fine else 'wrong'}  {result.seconds:5.1f} s  {result.name}")
                if not result.fine:
                    click.echo(result.output.strip(), err=True)
    if as_json:
        click.echo(json.dumps([result.as_json() for result in results], indent=2))
    if not all(result.fine for result in results):
        sys.exit(1)


def _write(wanted: Settings, folder: Path) -> list[Path]:
    paths: list[Path] = []
    for name, text in render(wanted).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def _read(stack: str) -> Settings:
    try:
        return settings.read(stack, ROOT)
    except SettingsError as error:
        _fail(str(error))


def _fail(sentence: str, *, status: int = 1) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
