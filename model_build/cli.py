"""``python -m model_build``: build versions, list them, show their receipts, verify their files."""

from __future__ import annotations

import functools
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, ParamSpec

import click

from model_build import manifest
from model_build.errors import BuildError
from model_build.spec import find_spec, known_specs

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_build.build import BuildResult
    from model_build.manifest import Receipt

P = ParamSpec("P")

_CHECKOUT = Path(__file__).parents[1]
_INTERRUPTED = 130


def _one_line_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what a user can mend into a message and exit code 1, and a stop by the user into 130."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (BuildError, manifest.CatalogueError, manifest.ManifestError) as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'input or output'}: {error.strerror}") from None
        except KeyboardInterrupt:
            click.echo("stopped; what was there before is unchanged", err=True)
            sys.exit(_INTERRUPTED)

    return run


_root = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=_CHECKOUT,
    show_default="this checkout",
    help="Folder with model_build/specs, releases and .state.",
)
_service = click.option("--service", required=True, help="Name of the service, such as sentiment.")
_version = click.option("--version", required=True, help="Semantic version, such as 0.1.0.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Build model versions and look at them.

    Exit codes: 0 done, 1 refused or failed with a message, 2 wrong usage, 130 stopped.
    """


@main.command()
@_service
@_version
@click.option("--force", is_flag=True, help="Build even if nothing has changed.")
@_json
@_root
@_one_line_errors
def build(*, service: str, version: str, force: bool, as_json: bool, root: Path) -> None:
    """Build a version from its spec; do nothing if it is there already."""
    from model_build.build import build as build_version  # noqa: PLC0415  # only this command needs it
    from model_build.progress import Reporter  # noqa: PLC0415  # as above

    signal.signal(signal.SIGTERM, _interrupt)
    start = time.monotonic()
    found = find_spec(service, version, root=root)
    result = build_version(found, root=root, reporter=Reporter(), force=force)
    click.echo(_result_json(result) if as_json else _result_text(result, time.monotonic() - start))


@main.command("list")
@_json
@_root
@_one_line_errors
def list_versions(*, as_json: bool, root: Path) -> None:
    """List the versions that have a spec or a receipt."""
    rows = dict.fromkeys(known_specs(root=root), "not built")
    rows |= {(entry.service, entry.version): entry.origin.value for entry in manifest.list_entries(root=root)}
    if as_json:
        documents = [
            {"service": name, "version": version, "state": state} for (name, version), state in sorted(rows.items())
        ]
        click.echo(json.dumps(documents, indent=2))
        return
    for (name, version), state in sorted(rows.items()):
        click.echo(f"{name} {version}  {state}")


@main.command()
@_service
@_version
@_json
@_root
@_one_line_errors
def show(*, service: str, version: str, as_json: bool, root: Path) -> None:
    """Show a version's receipt."""
    receipt = manifest.find_receipt(service, version, root=root)
    click.echo(receipt.model_dump_json(indent=2) if as_json else _receipt_text(receipt))


@main.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_json
@_one_line_errors
def verify(*, directory: Path, as_json: bool) -> None:
    """Compare every file of a model directory with its manifest."""
    digest = manifest.verify(directory)
    click.echo(json.dumps({"model_digest": digest}) if as_json else f"every file as in the manifest; model {digest}")


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _result_json(result: BuildResult) -> str:
    document = {"built": result.built, "directory": str(result.directory)}
    return json.dumps(document | {"receipt": result.receipt.model_dump(mode="json")}, indent=2)


def _result_text(result: BuildResult, seconds: float) -> str:
    receipt = result.receipt
    if not result.built:
        return f"{receipt.service} {receipt.version} is up to date: model {receipt.model_digest[:12]} ({seconds:.1f} s)"
    return f"{_receipt_text(receipt)}\n{result.directory}"


def _receipt_text(receipt: Receipt) -> str:
    quality, parity = receipt.quality, receipt.parity
    size = sum(entry.bytes for entry in receipt.files.values()) / 1e6
    return (
        f"{receipt.service} {receipt.version}: model {receipt.model_digest[:12]}, {size:.1f} MB,"
        f" built in {receipt.seconds:.0f} s on {receipt.environment.cpu}\n"
        f"accuracy {quality.accuracy:.3f} on {quality.examples} held-out texts, at least {quality.lower_bound:.3f} with"
        f" {quality.confidence:.0%} confidence; baseline {quality.baseline_accuracy:.3f}\n"
        f"parity with torch {parity.max_abs_difference:.1e} on {parity.examples} texts;"
        f" {len(receipt.golden.examples)} golden texts"
    )
