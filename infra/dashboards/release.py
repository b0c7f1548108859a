"""The dashboard of a release: both slots of a service side by side, and what the new version is judged by."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from infra.dashboards import panels, pods, promise, queries
from infra.dashboards.board import Row, dashboard
from infra.dashboards.panels import Query, Reading, graph
from infra.dashboards.scope import Scope
from infra.dashboards.verdict import seen, verdict
from infra.slo import names
from infra.slo.names import Slo

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

    from infra.settings import Service


def uid(service: str) -> str:
    """By which links find the dashboard of a service's release; at most 38 characters."""
    return f"release-{service}"


def release_dashboard(service: Service) -> dict[str, Any]:
    """Grafana's JSON of the dashboard of a service's release."""
    whole = Scope(service=service)
    slots = [Scope(service=service, slot=slot) for slot in service.release.slot_names]
    return dashboard(
        uid=uid(service.name),
        title=f"Release {service.name}",
        says=f"Is the new version of {service.name} as good as the old one? The left of two panels is slot "
        f"{slots[0].slot}, the right one {slots[1].slot}.",
        alerts=whole.matchers,
        rows=[
            Row(title="Traffic", panels=[_share(whole.matchers), _requests(whole.matchers), pods.ready(whole)]),
            Row(title="Verdict", panels=[panel for slot in slots for panel in (verdict(slot), seen(slot))]),
            *(
                Row(title=title, panels=[make(slot) for slot in slots])
                for title, make in (
                    ("Errors", partial(promise.broken, slo=Slo.AVAILABILITY)),
                    ("Slow answers", partial(promise.broken, slo=Slo.LATENCY)),
                    ("Latency", promise.latency),
                    ("Queue", pods.waiting),
                    ("Model", pods.runs),
                    ("Throughput", pods.tokens),
                )
            ),
        ],
    )


def _share(matchers: str) -> Panel:
    each = queries.rate("envoy_cluster_upstream_rq_completed", matchers, by="slot")
    whole = queries.rate("envoy_cluster_upstream_rq_completed", matchers, by="")
    return graph(
        "Share of the traffic",
        [Query(expr=f"{each} / on () group_left () {whole}", legend="{{slot}}")],
        Reading(says="What the gateway sends to each slot: the weights of the stack file.", unit=panels.SHARE),
        stacked=True,
        most=1,
    )


def _requests(matchers: str) -> Panel:
    expr = queries.rate("http_requests_total", f'{matchers},path="{names.PREDICT_PATH}"', by=queries.VERSION)
    return graph(
        "Requests by version",
        [Query(expr=expr, legend="{{slot}} {{version}}")],
        Reading(says="Predictions asked for, by the version that was asked.", unit=panels.PER_SECOND),
    )
