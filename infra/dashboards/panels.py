"""The kinds of panels that the dashboards are made of, so that all look and read alike.

Grafana's own models are used, not the SDK's builders: those import its second and third dashboard format as well, which
takes more than twice as long, and `pulumi up` waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from grafana_foundation_sdk.models import common, stat, timeseries
from grafana_foundation_sdk.models.dashboard import (
    FieldColor,
    FieldColorModeId,
    FieldConfig,
    FieldConfigSource,
    Panel,
    Threshold,
    ThresholdsConfig,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import Dataquery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
    from grafana_foundation_sdk.models.dashboard import ValueMapping

PROMETHEUS: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The variable by which a reader chooses the Prometheus; every dashboard has it."""

SHARE: Final = "percentunit"
"""A number from 0 to 1, shown as per cent."""
COUNT: Final = "short"
SECONDS: Final = "s"
BYTES: Final = "bytes"
PER_SECOND: Final = "reqps"
"""Requests a second."""

RATE: Final = "$__rate_interval"
"""Grafana's window of a rate: at least four scrapes, so that none lacks two samples."""

GOOD: Final = "green"
BAD: Final = "red"
WATCH: Final = "orange"
NEUTRAL: Final = "blue"


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a panel asks Prometheus, and the name of each series that comes back.

    Attributes:
        expr: PromQL, with Grafana's variables.
        legend: text with ``{{label}}`` for the labels of a series.
        exemplars: show the requests behind a histogram, each with its trace.
    """

    expr: str
    legend: str
    exemplars: bool = False


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A value that is promised or must not be crossed: a line across a graph, a change of colour in a number.

    Attributes:
        value: in the unit of the panel.
        good: the side on which all is well.
        name: what it is, to follow "The dashed line is": ``the objective, 250 ms``.
    """

    value: float
    good: Literal["below", "above"]
    name: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a panel tells its reader.

    Attributes:
        says: which question it answers, in a sentence or two.
        unit: one of Grafana's identifiers of units.
        absent: why there may be no series, and what that means.
    """

    says: str
    unit: str
    absent: str | None = None


def graph(  # noqa: PLR0913  # a panel has that many sides, and each has a name
    title: str,
    queries: Sequence[Query],
    reading: Reading,
    *,
    limit: Limit | None = None,
    stacked: bool = False,
    most: float | None = None,
) -> Panel:
    """Series over time.

    Args:
        title: a few words.
        queries: each may bring several series.
        reading: what the panel says.
        limit: drawn as a dashed line.
        stacked: whether the series add up to something.
        most: the end of the axis, for shares.
    """
    style = common.GraphFieldConfig(
        line_width=1,
        fill_opacity=30 if stacked else 0,
        show_points=common.VisibilityMode.NEVER,
        axis_soft_min=0,
        # A line that no series comes near is still to be seen.
        axis_soft_max=limit.value if limit else None,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL, group="A") if stacked else None,
        thresholds_style=common.GraphThresholdsStyleConfig(mode=common.GraphThresholdsStyleMode.DASHED)
        if limit
        else None,
    )
    fields = FieldConfig(
        unit=reading.unit,
        min_val=0,
        max_val=most,
        no_value=reading.absent,
        color=FieldColor(mode=FieldColorModeId.PALETTE_CLASSIC),
        # In a graph the colour of a step is that of its line, and nothing else has it.
        thresholds=_steps((None, "transparent"), (limit.value, BAD)) if limit else None,
        custom=style,
    )
    options = timeseries.Options(
        legend=common.VizLegendOptions(show_legend=True),
        tooltip=common.VizTooltipOptions(
            mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING, hide_zeros=False
        ),
    )
    return _panel("timeseries", title, queries, _says(reading, limit), fields, options)


def number(
    title: str,
    queries: Sequence[Query],
    reading: Reading,
    *,
    limit: Limit | None = None,
    words: Mapping[int, tuple[str, str]] | None = None,
) -> Panel:
    """The latest value of each series, large.

    Args:
        title: a few words.
        queries: each may bring several series.
        reading: what the panel says.
        limit: green on its good side, red on the other.
        words: what to show in the place of a value, and its colour.
    """
    fields = FieldConfig(
        unit=reading.unit,
        no_value=reading.absent,
        mappings=_words(words) if words else None,
        thresholds=_sides(limit) if limit else _steps((None, NEUTRAL)),
        color=FieldColor(mode=FieldColorModeId.THRESHOLDS),
    )
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        reduce_options=common.ReduceDataOptions(calcs=["lastNotNull"]),
    )
    return _panel("stat", title, queries, _says(reading, limit), fields, options)


def _panel(  # noqa: PLR0913, PLR0917  # private, and called above only
    kind: str, title: str, queries: Sequence[Query], says: str, fields: FieldConfig, options: object
) -> Panel:
    targets: list[AnyQuery] = [
        Dataquery(
            ref_id=chr(ord("A") + index),
            expr=query.expr,
            legend_format=query.legend,
            exemplar=True if query.exemplars else None,
            instant=kind == "stat",
            range_val=kind != "stat",
        )
        for index, query in enumerate(queries)
    ]
    return Panel(
        type_val=kind,
        title=title,
        description=says,
        datasource=PROMETHEUS,
        targets=targets,
        options=options,
        field_config=FieldConfigSource(defaults=fields),
    )


def _says(reading: Reading, limit: Limit | None) -> str:
    sentences = [
        reading.says,
        f"The limit is {limit.name}." if limit else None,
        f"Without series: {reading.absent}." if reading.absent else None,
    ]
    return " ".join(filter(None, sentences))


def _steps(*steps: tuple[float | None, str]) -> ThresholdsConfig:
    return ThresholdsConfig(steps=[Threshold(value=value, color=color) for value, color in steps])


def _sides(limit: Limit) -> ThresholdsConfig:
    low, high = (GOOD, BAD) if limit.good == "below" else (BAD, GOOD)
    return _steps((None, low), (limit.value, high))


def _words(words: Mapping[int, tuple[str, str]]) -> list[ValueMapping]:
    results = {
        str(value): ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(words.items())
    }
    return [ValueMap(options=results)]
