"""``python -m infra``: look at a stack's settings without Pulumi."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NoReturn

import click

from infra import capacity, settings
from infra.catalogue import check_versions
from infra.settings.errors import SettingsError

ROOT = Path(__file__).resolve().parents[1]
SCHEMA_FILE = ROOT / "docs" / "stack.schema.json"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Check the settings of a stack, and export their schema."""


@main.command()
@click.option("--stack", default="local", show_default=True, help="The stack whose file is checked.")
@click.option("--json", "as_json", is_flag=True, help="Print the checked settings, defaults filled in, as JSON.")
def check(stack: str, *, as_json: bool) -> None:
    """Check Pulumi.STACK.yaml. Exit status 1: something in it is wrong, and standard error says what."""
    loaded = _read(stack)
    try:
        check_versions(loaded, source=settings.stack_file(stack, ROOT), root=ROOT)
    except SettingsError as error:
        _fail(error)
    if shortage := capacity.shortage(loaded, source=settings.stack_file(stack, ROOT)):
        _fail(SettingsError(shortage))
    click.echo(loaded.model_dump_json(indent=2) if as_json else f"{settings.stack_file(stack, ROOT).name}: fine")


@main.command()
@click.option("--stack", default="local", show_default=True, help="The stack whose file is read.")
def versions(stack: str) -> None:
    """Print every SERVICE and VERSION that a slot of the stack names, a line each."""
    for service, version in _read(stack).versions():
        click.echo(f"{service} {version}")


@main.command()
@click.option("--stack", default="local", show_default=True, help="The stack whose file is read.")
def kind(stack: str) -> None:
    """Print where the stack's cluster comes from: embedded, existing or eks."""
    click.echo(_read(stack).cluster.kind)


@main.command()
@click.option("--stack", required=True, help="The stack whose file is read.")
@click.option("--write", is_flag=True, help="Write the digests of today into the stack file.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def images(stack: str, *, write: bool, as_json: bool) -> None:
    """Ask the registries whether the tags of the platform's images still lead to the digests of Pulumi.STACK.yaml.

    Exit status 1: a digest is to be renewed. 2: a registry did not say.
    """
    from infra import image_registries, pinned_images  # noqa: PLC0415  # no other command needs an HTTP client

    cluster = _read(stack).cluster
    if isinstance(cluster, settings.EmbeddedCluster):
        click.echo("the embedded cluster builds its images from sources that are fixed by hash")
        return
    try:
        found = pinned_images.compare(cluster.images)
    except image_registries.RegistryError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(json.dumps([each.as_json() for each in found], indent=2) if as_json else pinned_images.table(found))
    outdated = [each for each in found if each.outdated]
    if write:
        pinned_images.renew(settings.stack_file(stack, ROOT), outdated)
    elif outdated:
        sys.exit(1)


@main.command()
@click.option("--write", is_flag=True, help="Write docs/stack.schema.json instead of printing.")
def schema(*, write: bool) -> None:
    """Print the JSON Schema of a stack file, with which editors complete and check it."""
    text = json.dumps(settings.stack_file_schema(), indent=2) + "\n"
    if write:
        SCHEMA_FILE.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)


def _read(stack: str) -> settings.Settings:
    try:
        return settings.read(stack, ROOT)
    except SettingsError as error:
        _fail(error)


def _fail(error: SettingsError) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
