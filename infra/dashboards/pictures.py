# pyright: reportUnknownMemberType=false
# Matplotlib is half typed.
"""Dashboards as static pictures: Grafana's layout, drawn from what a running Prometheus knows."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from infra.dashboards.panels import SHARE
from infra.dashboards.series import ask
from infra.dashboards.svg import STYLE
from infra.dashboards.units import written

if TYPE_CHECKING:
    import httpx
    from matplotlib.axes import Axes

    from infra.dashboards.series import Series, Span

# Of one cell of Grafana's grid, in inches.
_WIDTH: Final = 14 / 24
_HEIGHT: Final = 0.36
_COLUMNS: Final = 24
_HEAD: Final = 2.0  # cells above the first row, for the title
_LEGEND_LINES: Final = 3
_LETTER: Final = 0.05  # inches, of the legend
_MOST_NUMBERS: Final = 6
_COLORS: Final = {"green": "#2a7d2e", "red": "#c4162a", "blue": "#1f60c4", "orange": "#b35900"}
_GREY: Final = "#5a5f66"
_SMALL_SHARE: Final = 0.05
_DAY: Final = 86_400  # seconds; Matplotlib counts days since 1970


@mpl.rc_context(STYLE)
def draw(board: dict[str, Any], client: httpx.Client, span: Span) -> tuple[Figure, list[str]]:
    """Ask every query of a dashboard and draw what comes back.

    Args:
        board: Grafana's JSON of it.
        client: its base URL is Prometheus's.
        span: the time to show.

    Returns:
        the picture, and the titles of the panels that had no series.

    Raises:
        PrometheusError: nobody is there, or a query is refused.
    """
    cells = _HEAD + max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    figure = Figure(figsize=(_COLUMNS * _WIDTH, cells * _HEIGHT))
    figure.text(0.01, 1 - 0.9 / cells, board["title"], fontsize=13, weight="bold", va="center")
    when = f"{_clock(span.start)} to {_clock(span.end)} UTC"
    figure.text(0.99, 1 - 0.9 / cells, when, fontsize=8, color=_GREY, va="center", ha="right")
    marks = _marks(board, client, span)
    empty: list[str] = []
    for panel in board["panels"]:
        place = panel["gridPos"]
        top = 1 - (_HEAD + place["y"]) / cells
        if panel["type"] == "row":
            figure.text(0.01, top - 0.6 / cells, panel["title"], fontsize=10, weight="bold", va="center")
            continue
        series = [each for target in panel["targets"] for each in ask(client, target, span)]
        # Room for the title above, the legend below and the numbers at the left.
        axis = figure.add_axes(
            (
                (place["x"] + 1.4) / _COLUMNS,
                top - (place["h"] - 1.7) / cells,
                (place["w"] - 1.7) / _COLUMNS,
                (place["h"] - 2.9) / cells,
            )
        )
        axis.set_title(panel["title"], loc="left", weight="bold", pad=5)
        if not series:
            empty.append(panel["title"])
            _nothing(axis, panel)
        elif panel["type"] == "stat":
            _number(axis, panel, series)
        else:
            _graph(axis, panel, series, span)
            _mark(axis, marks)
    return figure, empty


def _marks(board: dict[str, Any], client: httpx.Client, span: Span) -> list[tuple[float, float]]:
    """From when to when an alert of the dashboard fires."""
    asked = ({"expr": mark["expr"], "legendFormat": mark["titleFormat"]} for mark in board["annotations"]["list"])
    times = sorted({at for each in asked for series in ask(client, each, span) for at in series.times})
    marks: list[tuple[float, float]] = []
    for at in times:
        begin = marks.pop()[0] if marks and at - marks[-1][1] < span.step / 2 else at
        marks.append((begin, at + span.step))
    return marks


def _mark(axis: Axes, marks: list[tuple[float, float]]) -> None:
    """A red bar below a graph while an alert fires, as Grafana marks it."""
    bars = [(begin / _DAY, (end - begin) / _DAY) for begin, end in marks]
    axis.broken_barh(
        bars, (0, 0.03), transform=axis.get_xaxis_transform(), color=_COLORS["red"], alpha=0.5, linewidth=0
    )


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _nothing(axis: Axes, panel: dict[str, Any]) -> None:
    axis.set_axis_off()
    why = panel["fieldConfig"]["defaults"].get("noValue", "nothing in this time")
    width = panel["gridPos"]["w"] * 6
    text = "\n".join(["No data", *textwrap.wrap(why, width)])
    axis.text(0.5, 0.5, text, ha="center", va="center", color=_GREY, transform=axis.transAxes)


def _number(axis: Axes, panel: dict[str, Any], series: list[Series]) -> None:
    axis.set_axis_off()
    fields = panel["fieldConfig"]["defaults"]
    shown = series[:_MOST_NUMBERS]
    for index, each in enumerate(shown):
        value = each.values[-1]
        text, color = written(value, fields["unit"]), _step_color(fields, value)
        for mapping in fields.get("mappings", []):
            if result := mapping["options"].get(f"{value:g}"):
                text, color = result["text"], result["color"]
        place = ((index + 0.5) / len(shown), 0.6)
        # Letters are about as wide as half their height: the text fills its part of the panel, and no more.
        size = min(15, 80 * _WIDTH * panel["gridPos"]["w"] / len(shown) / (len(text) + 2))
        _write(axis, text, place, 0, size=size, weight="bold", color=_COLORS[color])
        _write(axis, each.name, place, 14, size=6, color=_GREY)


def _write(  # noqa: PLR0913  # a text has that many sides
    axis: Axes, text: str, place: tuple[float, float], below: float, *, size: float, color: str, weight: str = "normal"
) -> None:
    """Write text below a place of a panel: from 0 to 1, and points."""
    axis.annotate(
        text,
        place,
        (0, -below),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=size,
        color=color,
        weight=weight,
    )


def _step_color(fields: dict[str, Any], value: float) -> str:
    reached = [step for step in fields["thresholds"]["steps"] if step["value"] is None or value >= step["value"]]
    return reached[-1]["color"]


def _graph(axis: Axes, panel: dict[str, Any], series: list[Series], span: Span) -> None:
    fields = panel["fieldConfig"]["defaults"]
    if "stacking" in fields["custom"]:
        _stack(axis, series, span)
    else:
        for each in series:
            axis.plot(_dates(each.times), each.values, linewidth=1, label=each.name)
    for step in fields.get("thresholds", {"steps": []})["steps"]:
        if step["value"] is not None:
            label = f"limit {written(step['value'], fields['unit'])}"
            axis.axhline(step["value"], color=_COLORS["red"], linestyle="--", linewidth=1, label=label)
    axis.set_ylim(*_ends(axis, fields))
    axis.set_xlim(*_dates((span.start, span.end)))
    locator = AutoDateLocator(maxticks=5)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.yaxis.set_major_formatter(FuncFormatter(partial(_tick, fields["unit"])))
    axis.tick_params(left=False, bottom=False)
    axis.grid(alpha=0.3, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axis.get_legend_handles_labels()
    longest = max(map(len, labels)) + 6  # the line before it, and a gap
    columns = max(1, int(panel["gridPos"]["w"] * _WIDTH / (longest * _LETTER)))
    most = columns * _LEGEND_LINES
    axis.legend(
        handles[:most],
        labels[:most],
        loc="upper left",
        bbox_to_anchor=(-0.08, -0.16),
        ncols=columns,
        fontsize=6,
        frameon=False,
        handlelength=1.2,
    )


def _tick(unit: str, value: float, _: int) -> str:
    return written(value, unit)


def _ends(axis: Axes, fields: dict[str, Any]) -> tuple[float, float]:
    """The ends of the y axis: 0 is always there, and some room around what is drawn."""
    low, high = axis.dataLim.y0, axis.dataLim.y1
    limits = [step["value"] for step in fields.get("thresholds", {"steps": []})["steps"] if step["value"] is not None]
    top = 1.1 * max(high, *limits, 0) or (1 if fields["unit"] != SHARE else _SMALL_SHARE)
    return min(0, 1.1 * low), fields.get("max", top)


def _stack(axis: Axes, series: list[Series], span: Span) -> None:
    count = round((span.end - span.start) / span.step) + 1
    times = tuple(span.start + index * span.step for index in range(count))
    rows: list[list[float]] = []
    for each in series:
        known = {round((at - span.start) / span.step): value for at, value in zip(each.times, each.values, strict=True)}
        rows.append([known.get(index, 0.0) for index in range(count)])
    axis.stackplot(_dates(times), *rows, labels=[each.name for each in series], alpha=0.6, linewidth=0)


def _dates(times: tuple[float, ...]) -> list[float]:
    return [at / _DAY for at in times]
