"""The dashboard that one looks at first: every service beside its objective, what alerts, and the platform itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.dashboards import panels, promise
from infra.dashboards.board import Row, dashboard
from infra.dashboards.panels import Limit, Query, Reading, graph, number

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

UID = "overview"


def overview_dashboard() -> dict[str, Any]:
    """Grafana's JSON of the overview."""
    return dashboard(
        uid=UID,
        title="Overview",
        says="Is anything wrong, with which service, and since when? Each service has a dashboard of its own.",
        alerts='alertname!=""',
        rows=[
            Row(title="Now", panels=[_firing(), *promise.budgets_of_all(), _down()]),
            Row(title="Services", panels=[_traffic(), *promise.broken_of_all()]),
            Row(title="Alerts", panels=[_alerts(), _notifications()]),
            Row(title="Monitoring itself", panels=[_series(), _samples(), _rules(), _spans()]),
        ],
    )


def _firing() -> Panel:
    return number(
        "Alerts",
        [
            Query(
                expr=f'count(ALERTS{{alertstate="firing",severity="{severity}"}}) or vector(0)',
                legend=f"{severity}s",
            )
            for severity in ("page", "ticket")
        ],
        Reading(says="Alerts that fire now: those that wake somebody, and those that wait for the day.", unit="none"),
        limit=Limit(value=1, good="below", name="a single alert"),
    )


def _down() -> Panel:
    return number(
        "Targets down",
        [Query(expr="sum(up == bool 0)", legend="targets")],
        Reading(says="What Prometheus knows of and cannot read; the alert TargetDown names it.", unit="none"),
        limit=Limit(value=1, good="below", name="a single target"),
    )


def _traffic() -> Panel:
    expr = f'sum by (service) (rate(envoy_cluster_upstream_rq_completed{{service!=""}}[{panels.RATE}]))'
    return graph(
        "Requests",
        [Query(expr=expr, legend="{{service}}")],
        Reading(says="Answers of each service at the gateway.", unit=panels.PER_SECOND),
        stacked=True,
    )


def _alerts() -> Panel:
    expr = 'count by (alertname, service, alertstate) (ALERTS{severity!="none"})'
    return graph(
        "Alerts over time",
        [Query(expr=expr, legend="{{alertname}} {{service}} {{alertstate}}")],
        Reading(
            says="What is pending or fires, and for how long it did.",
            unit="none",
            absent="no alert was pending or fired",
        ),
    )


def _notifications() -> Panel:
    return graph(
        "Notifications",
        [
            Query(expr=f"sum(rate(alertmanager_{metric}_total[{panels.RATE}])) * 60", legend=word)
            for metric, word in (("notifications", "sent"), ("notifications_failed", "failed"))
        ],
        Reading(
            says="What Alertmanager sent each minute, and what no receiver took. The dead man's switch is in it.",
            unit="suffix: a minute",
        ),
    )


def _series() -> Panel:
    return graph(
        "Series",
        [Query(expr="prometheus_tsdb_head_series", legend="{{pod}}")],
        Reading(says="Series that Prometheus holds in memory: what its memory grows with.", unit=panels.COUNT),
    )


def _samples() -> Panel:
    expr = f"sum by (pod) (rate(prometheus_tsdb_head_samples_appended_total[{panels.RATE}]))"
    return graph(
        "Samples",
        [Query(expr=expr, legend="{{pod}}")],
        Reading(says="What Prometheus stores each second; two bytes each, on the volume.", unit="suffix: samples/s"),
    )


def _rules() -> Panel:
    return graph(
        "Time to evaluate rules",
        [Query(expr="max by (pod) (prometheus_rule_group_last_duration_seconds)", legend="slowest group, {{pod}}")],
        Reading(says="How long the slowest group of rules takes; it must be far below its interval.", unit="s"),
    )


def _spans() -> Panel:
    def query(metric: str, legend: str) -> Query:
        return Query(expr=f"sum(rate({metric}[{panels.RATE}]))", legend=legend)

    return graph(
        "Spans",
        [
            query("otelcol_receiver_accepted_spans_total", "taken"),
            query("otelcol_exporter_sent_spans_total", "passed on"),
            query("otelcol_exporter_send_failed_spans_total", "lost by the collector"),
            query("trace_spans_dropped_total", "lost by pods"),
        ],
        Reading(says="What the collector takes of traces and passes on, and what is lost.", unit="suffix: spans/s"),
    )
