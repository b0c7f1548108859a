"""A whole dashboard: rows of panels one below the other, its variables, and the way to the other dashboards.

It is in Grafana's classic format, which file provisioning and every importer read; the SDK says on import that it would
rather have the newer one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardDashboardTime,
    DashboardLink,
    DashboardLinkType,
    GridPos,
    RowPanel,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
    VariableType,
)

from infra import naming
from infra.dashboards.panels import PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grafana_foundation_sdk.models.dashboard import Panel

_COLUMNS: Final = 24
_HEIGHTS: Final = {"timeseries": 8, "stat": 4}


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels side by side, of one width, under a title."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice of the reader: values of a label.

    Attributes:
        name: as queries have it, after a dollar sign.
        metric: a series that has the label.
        label: whose values there are.
    """

    name: str
    metric: str
    label: str


def dashboard(  # noqa: PLR0913  # all by name
    *,
    uid: str,
    title: str,
    says: str,
    rows: Sequence[Row],
    variables: Sequence[Variable] = (),
    alerts: str = "",
) -> dict[str, Any]:
    """Return Grafana's JSON of a dashboard.

    Args:
        uid: by which links find it: at most 40 characters, and the same for ever.
        title: as the list of dashboards has it.
        says: which questions it answers.
        rows: from top to bottom.
        variables: what the reader chooses, besides the Prometheus.
        alerts: matchers of the alerts that are marked in every graph; none are without it.
    """
    whole = Dashboard(
        uid=uid,
        title=title,
        description=says,
        tags=[naming.PART_OF],
        timezone="browser",
        # Files are the only source: what is changed in the browser would be lost.
        editable=False,
        graph_tooltip=DashboardCursorSync.CROSSHAIR,
        time=DashboardDashboardTime(from_val="now-3h", to="now"),
        refresh="30s",
        panels=list(_placed(rows)),
        templating=DashboardDashboardTemplating(list_val=[_datasource(), *map(_choice, variables)]),
        annotations=AnnotationContainer(list_val=[_firing(alerts)] if alerts else []),
        links=[
            DashboardLink(
                title="Other dashboards",
                type_val=DashboardLinkType.DASHBOARDS,
                tags=[naming.PART_OF],
                as_dropdown=True,
                keep_time=True,
            )
        ],
    )
    # The models are JSON only through the SDK's encoder; plain values compare, and pass as a Pulumi input.
    plain: dict[str, Any] = json.loads(json.dumps(whole, cls=JSONEncoder))
    return plain


def _placed(rows: Sequence[Row]) -> Iterator[RowPanel | Panel]:
    """Panels get their places and numbers here, so that none can overlap."""
    number, top = 0, 0
    for row in rows:
        number += 1
        yield RowPanel(title=row.title, id_val=number, grid_pos=GridPos(h=1, w=_COLUMNS, x=0, y=top))
        top += 1
        width = _COLUMNS // len(row.panels)
        height = max(_HEIGHTS[panel.type_val] for panel in row.panels)
        for index, panel in enumerate(row.panels):
            number += 1
            panel.id_val = number
            panel.grid_pos = GridPos(h=height, w=width, x=index * width, y=top)
            yield panel
        top += height


def _datasource() -> VariableModel:
    return VariableModel(type_val=VariableType.DATASOURCE, name="datasource", label="Prometheus", query="prometheus")


def _choice(variable: Variable) -> VariableModel:
    query = f"label_values({variable.metric}, {variable.label})"
    return VariableModel(
        type_val=VariableType.QUERY,
        name=variable.name,
        label=variable.name,
        datasource=PROMETHEUS,
        definition=query,
        query={"query": query, "refId": variable.name},
        refresh=VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=VariableSort.ALPHABETICAL_ASC,
        multi=True,
        include_all=True,
        all_value=".+",
        current=VariableOption(text=["All"], value=["$__all"]),
    )


def _firing(alerts: str) -> AnnotationQuery:
    return AnnotationQuery(
        name="Alerts",
        datasource=PROMETHEUS,
        icon_color="red",
        expr=f'ALERTS{{alertstate="firing",severity!="none",{alerts}}}',
        title_format="{{alertname}}",
        text_format="{{severity}} {{window}}",
        step="30s",
    )
