"""``python -m local.images [NAME ...]``: prepare what the images of the `local` stack are built from."""

from __future__ import annotations

import sys

import click
from filelock import FileLock

from local.images.contexts import CONTEXTS, PREPARERS
from local.images.errors import PrepareError
from local.images.wheels import prepare_wheels

TARGETS = {**PREPARERS, "wheels": prepare_wheels}


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(list(TARGETS)))
def main(names: tuple[str, ...]) -> None:
    """Prepare build contexts under .state: base, contour, envoy and wheels, or only those that are named.

    What is there already is left alone, so a second run takes no time; two runs at once wait for each other.
    Exit code 1 when something could not be prepared, with one line that says what and why.
    """
    CONTEXTS.mkdir(parents=True, exist_ok=True)
    with FileLock(CONTEXTS.with_suffix(".lock")):
        for name in names or TARGETS:
            try:
                TARGETS[name](click.echo)
            except PrepareError as error:
                click.echo(f"{name}: {error}", err=True)
                sys.exit(1)


if __name__ == "__main__":
    main()
