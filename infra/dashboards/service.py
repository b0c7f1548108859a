"""The dashboard of one service: whether it keeps its promise, and if not, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.dashboards import panels, pods, promise, queries
from infra.dashboards.board import Row, dashboard
from infra.dashboards.gpus import gpus
from infra.dashboards.panels import Query, Reading, graph
from infra.dashboards.scope import Scope
from infra.slo import names
from infra.slo.names import Slo

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

    from infra.settings import Service


def uid(service: str) -> str:
    """By which links find the dashboard of a service; at most 38 characters."""
    return f"service-{service}"


def service_dashboard(service: Service, *, gpus_absent: str | None) -> dict[str, Any]:
    """Grafana's JSON of a service's dashboard, with the lines of its own objective.

    Args:
        service: as the stack file has it.
        gpus_absent: why the service's GPUs have no metrics; None where they have.
    """
    scope = Scope(service=service)
    return dashboard(
        uid=uid(service.name),
        title=f"Service {service.name}",
        says=f"Does {service.name} keep its objective, and if it does not, why?",
        alerts=scope.matchers,
        rows=[
            Row(title="Objective", panels=promise.numbers(service)),
            Row(
                title="Errors",
                panels=[
                    promise.broken(scope, Slo.AVAILABILITY),
                    promise.nearness(service, Slo.AVAILABILITY),
                    _answers(scope.matchers),
                ],
            ),
            Row(
                title="Latency",
                panels=[
                    promise.latency(scope),
                    promise.broken(scope, Slo.LATENCY),
                    promise.nearness(service, Slo.LATENCY),
                ],
            ),
            Row(
                title="Traffic",
                panels=[_traffic(scope.matchers), _error_types(scope.matchers), _gateway(scope.matchers)],
            ),
            Row(title="Queue and batches", panels=[pods.queue(scope), pods.waiting(scope), pods.batches(scope)]),
            Row(title="Model", panels=[pods.runs(scope), pods.tokens(scope), pods.padding(scope)]),
            Row(
                title="Pods",
                panels=[pods.ready(scope), pods.restarts(scope), pods.cpu(scope), pods.memory(scope)],
            ),
            Row(title="Engine", panels=[pods.provider(scope), pods.cache_misses(scope)]),
            Row(title="GPUs", panels=gpus(scope.matchers, legend="{{slot}} {{node}} GPU {{gpu}}", absent=gpus_absent)),
        ],
    )


def _traffic(matchers: str) -> Panel:
    expr = queries.rate("http_requests_total", f'{matchers},path="{names.PREDICT_PATH}"', by=queries.VERSION)
    return graph(
        "Requests",
        [Query(expr=expr, legend="{{slot}} {{version}}")],
        Reading(says="Predictions asked for, by the version that was asked.", unit=panels.PER_SECOND),
        stacked=True,
    )


def _answers(matchers: str) -> Panel:
    expr = queries.rate("envoy_cluster_upstream_rq_xx", matchers, by="envoy_response_code_class")
    return graph(
        "Answers at the gateway",
        [Query(expr=expr, legend="{{envoy_response_code_class}}xx")],
        Reading(
            says="Answers by the class of their status. 5xx counts against availability, the 503 of a "
            "full queue too; 4xx is the caller's.",
            unit=panels.PER_SECOND,
        ),
    )


def _error_types(matchers: str) -> Panel:
    return graph(
        "Errors by type",
        [Query(expr=queries.rate("request_errors_total", matchers, by="type, slot"), legend="{{type}}, {{slot}}")],
        Reading(
            says="Requests that the pods refused or failed, by the type of the problem.",
            unit=panels.PER_SECOND,
            absent="none was refused, and none failed",
        ),
    )


def _gateway(matchers: str) -> Panel:
    # Envoy counts in milliseconds.
    there = queries.quantile(0.5, "envoy_cluster_upstream_rq_time", matchers, by="slot")
    return graph(
        "Latency at the gateway and in the pods",
        [
            Query(expr=f"{there} / 1000", legend="gateway, {{slot}}"),
            Query(expr=queries.latency(0.5, matchers, by="slot"), legend="pods, {{slot}}"),
        ],
        Reading(
            says="The median of both. What the gateway sees and the pods do not is the network, and waiting for "
            "a connection; its buckets are coarse.",
            unit=panels.SECONDS,
        ),
    )
