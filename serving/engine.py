"""``python -m serving.engine``: build the engines that the service runs, or check that this machine can.

The model, the provider, the profile and the folder of engines are the service's own variables, ``SERVING_*``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn, get_args

import click

from serving import engine_build
from serving.accelerator import AcceleratorError
from serving.engine_build import EngineError
from serving.manifest import ModelError
from serving.profile import Precision
from serving.session import TENSORRT
from serving.settings import PREFIX, Settings, SettingsError

_NOTHING_CHECKED = 3
# What a machine is checked with unless its variables say otherwise.
_CHECKED_BY_DEFAULT = {"PROVIDER": TENSORRT, "BATCH_SHAPES": "1,8,32", "LENGTH_SHAPES": "1,32,128"}


@click.group()
def main() -> None:
    """Engines: what TensorRT makes of a model for one GPU architecture and one profile."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the receipt, and progress to stderr.")
def build(*, as_json: bool) -> None:
    """Fill SERVING_ENGINE_CACHE with the engine of SERVING_MODEL_DIR for this machine, once.

    The engine is built, must run wholly on SERVING_PROVIDER, answer the golden texts as the model does and agree with
    the CPU on the smallest, usual and largest shape; then it is stored, its receipt last. One that is there already
    and whole is left alone.

    Exit codes: 0 the engine is there; 1 it is not, and why; 2 a setting cannot be used.
    """
    try:
        settings = Settings.from_environment(os.environ)
        outcome = engine_build.build(settings, lambda line: click.echo(line, err=as_json))
    except SettingsError as error:
        _end(str(error), code=2)
    except (ModelError, EngineError) as error:
        _end(str(error), code=1)
    if as_json:
        click.echo(outcome.receipt.model_dump_json())


@main.command()
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(get_args(Precision)),
    default=("fp32", "fp16"),
    show_default=True,
    help="Precision to check; may be given more than once.",
)
def check(precisions: tuple[str, ...]) -> None:
    """Build and load engines of SERVING_MODEL_DIR in a temporary folder, as the Job and the pods do.

    Exit codes: 0 all of it works; 1 something does not, and what; 2 a setting cannot be used; 3 nothing was checked,
    for this machine has no GPU or no TensorRT.
    """
    given = {PREFIX + name: value for name, value in _CHECKED_BY_DEFAULT.items()} | dict(os.environ)
    for precision in precisions:
        with tempfile.TemporaryDirectory(prefix="engine-check-") as folder:
            variables = given | {f"{PREFIX}PRECISION": precision, f"{PREFIX}ENGINE_CACHE": str(Path(folder))}
            click.echo(f"{precision}:")
            try:
                settings = Settings.from_environment(variables)
                outcome = engine_build.build(settings, lambda line: click.echo(f"  {line}"))
                seconds = engine_build.load_again(settings, outcome)
            except AcceleratorError as error:
                _end(f"nothing was checked: {error}", code=_NOTHING_CHECKED)
            except SettingsError as error:
                _end(str(error), code=2)
            except (ModelError, EngineError) as error:
                _end(f"{precision}: {error}", code=1)
            click.echo(f"  loaded from the cache in {seconds:.2f} s, golden texts answered as built")


def _end(sentence: str, *, code: int) -> NoReturn:
    click.echo(f"serving.engine: {sentence}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
