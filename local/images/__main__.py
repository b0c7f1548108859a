"""``python -m local.images [NAME ...]``: prepare what the images of the `local` stack are built from."""

from __future__ import annotations

import sys
from typing import NoReturn

import click
from filelock import FileLock

from local.images.contexts import CONTEXTS, PREPARERS
from local.images.cuda_wheels import prepare_cuda_stub, prepare_cuda_wheels
from local.images.errors import PrepareError
from local.images.wheels import prepare_wheels

NEEDED_LOCALLY = {**PREPARERS, "wheels": prepare_wheels}
TARGETS = {**NEEDED_LOCALLY, "wheels-cuda": prepare_cuda_wheels, "wheels-cuda-stub": prepare_cuda_stub}


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(list(TARGETS)))
def main(names: tuple[str, ...]) -> None:
    """Prepare build contexts under .state: those of all images and the wheels, or only those that are named.

    For the image's variant cuda-trt, only by name: wheels-cuda (2 GB, and TensorRT's wheel, which must be there:
    requirements/tensorrt.txt), or wheels-cuda-stub, with empty wheels in place of all that is NVIDIA's.

    What is there already is left alone, so a second run takes no time; two runs at once wait for each other.
    Exit code 1 when something could not be prepared, with one line that says what and why.
    """
    now = CONTEXTS.name
    try:
        CONTEXTS.mkdir(parents=True, exist_ok=True)
        with FileLock(CONTEXTS.with_suffix(".lock")):
            for now in names or NEEDED_LOCALLY:
                TARGETS[now](click.echo)
    except BrokenPipeError:
        raise  # who reads the output has gone: click knows
    except PermissionError as error:
        _end(f"{now}: {error.filename or CONTEXTS} belongs to someone else, often root: run the command with sudo")
    except OSError as error:
        _end(
            f"{now}: {error.filename or CONTEXTS}: {error.strerror or error}; put that right and run the command again"
        )
    except PrepareError as error:
        _end(f"{now}: {error}")


def _end(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
