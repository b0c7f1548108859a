"""``python -m infra.dashboards``: look at a stack's dashboards without Grafana."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from infra import settings
from infra.dashboards import dashboards
from infra.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

_ROOT: Final = Path(__file__).resolve().parents[2]
_POINTS: Final = 90

_stack = click.option("--stack", default="local", show_default=True, help="The stack whose dashboards.")
_out = click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder; it is made, and files of the same name are overwritten.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Write the dashboards of a stack, as Grafana's JSON or as pictures of real series."""


@main.command()
@_stack
@_out
def render(stack: str, out: Path) -> None:
    """Write Grafana's JSON of each dashboard, to be imported into any Grafana."""
    boards = _boards(stack)
    _folder(out)
    for name, board in boards.items():
        with _writing(out / name):
            (out / name).write_text(json.dumps(board, indent=2) + "\n", encoding="utf-8")
    click.echo(f"{len(boards)} dashboards in {out}")


@main.command()
@_stack
@_out
@click.option("--prometheus", required=True, metavar="URL", help="A running one, e.g. http://127.0.0.1:9090.")
@click.option(
    "--minutes", default=30, show_default=True, type=click.IntRange(1, 43200), help="How long a time to show."
)
@click.option("--until", type=float, metavar="SECONDS", help="End of that time, since 1970; now, if not given.")
def pictures(stack: str, out: Path, prometheus: str, minutes: int, until: float | None) -> None:
    """Ask a Prometheus every query of every dashboard, and draw an SVG of each. Needs the group dev."""
    # Nobody else needs an HTTP client and matplotlib, which take a second to load.
    import httpx  # noqa: PLC0415

    from infra.dashboards.pictures import draw  # noqa: PLC0415
    from infra.dashboards.series import PrometheusError, Span  # noqa: PLC0415
    from infra.dashboards.svg import save  # noqa: PLC0415

    boards = _boards(stack)
    _folder(out)
    end = until or time.time()
    span = Span(start=end - 60 * minutes, end=end, step=max(60 * minutes / _POINTS, 1))
    try:
        with httpx.Client(base_url=prometheus, timeout=30) as client:
            for name, board in boards.items():
                file = out / f"{name.removesuffix('.json')}.svg"
                figure, empty = draw(board, client, span)
                with _writing(file):
                    save(figure, file)
                click.echo(f"{file}: without series: {', '.join(empty) or 'none'}")
    except (PrometheusError, httpx.InvalidURL) as error:
        _fail(str(error))


def _boards(stack: str) -> dict[str, dict[str, Any]]:
    try:
        return dashboards(settings.read(stack, _ROOT))
    except SettingsError as error:
        _fail(str(error))


def _folder(path: Path) -> None:
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def _writing(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        _fail(f"{path}: {error.strerror}. Allowed: --out with a folder that can be made and written")


def _fail(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
