"""Panels about GPUs, of which the dashboards of services and of pools have the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.dashboards import panels
from infra.dashboards.panels import Limit, Query, Reading, graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.models.dashboard import Panel

_HOT_CELSIUS = 85
_FULL = 0.95


def gpus(matchers: str, *, legend: str, absent: str | None) -> Sequence[Panel]:
    """Use, memory, temperature and errors of GPUs.

    Args:
        matchers: of the series of DCGM's exporter.
        legend: the name of a series, for example ``{{node}} GPU {{gpu}}``.
        absent: why the stack has no such series; None where it has.
    """

    def panel(title: str, expr: str, says: str, unit: str, limit: Limit | None = None) -> Panel:
        query = Query(expr=expr, legend=legend)
        return graph(title, [query], Reading(says=says, unit=unit, absent=absent), limit=limit)

    used, free = f"DCGM_FI_DEV_FB_USED{{{matchers}}}", f"DCGM_FI_DEV_FB_FREE{{{matchers}}}"
    return [
        panel(
            "GPU in use",
            f"DCGM_FI_DEV_GPU_UTIL{{{matchers}}} / 100",
            "Share of the time in which some kernel ran. All of it may still be a small part of the GPU: "
            "compare it with the tokens per second.",
            panels.SHARE,
        ),
        panel(
            "GPU memory",
            f"{used} / ({used} + {free})",
            "Share of the GPU's memory that is taken. A process that finds none left ends.",
            panels.SHARE,
            Limit(value=_FULL, good="below", name="where the next allocation may fail"),
        ),
        panel(
            "GPU temperature",
            f"DCGM_FI_DEV_GPU_TEMP{{{matchers}}}",
            "A hot GPU lowers its clock, and runs of the graph take longer.",
            "celsius",
            Limit(value=_HOT_CELSIUS, good="below", name="where clocks are lowered"),
        ),
        panel(
            "GPU errors",
            f"DCGM_FI_DEV_XID_ERRORS{{{matchers}}}",
            "The code of the last XID error that the driver reported, 0 for none. The runbook GpuXidError says what "
            "the codes mean.",
            "none",
        ),
    ]
