"""Alerts on the monitoring itself: what is not read, not evaluated, not sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.slo import gpu_alerts, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Settings
    from infra.slo.rules import Alerts, Rule

# Longer than a pod's grace period, a rollout, and a node that comes.
_TARGET_FOR: Final = "10m"
# Of what exporters tell, that of which alerts are made and which is there at any time; and by what it is looked for:
# one exporter tells of the whole cluster, of the other each tells of its own node.
_CLUSTER: Final = ("kube_deployment_spec_replicas", "kube_node_status_condition", "kube_pod_labels")
_EACH_NODE: Final = ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_XID_ERRORS")
_ERRORS_SHARE: Final = 0.01
_FOR: Final = "5m"


@dataclass(frozen=True, kw_only=True)
class Told:
    """A metric without which alerts are blind.

    Attributes:
        job: that tells it.
        metric: its name.
        by: labels that it shares with the target that tells it.
    """

    job: str
    metric: str
    by: tuple[str, ...]


def jobs(settings: Settings) -> tuple[str, ...]:
    """The jobs of which a stack has at least one target at any time.

    Not the DCGM exporter's where each pool may have no node; and no serving pods, which each service misses itself.
    """
    always = ("alertmanager", "collector", "contour", "envoy", "kube-state-metrics", "node-exporter", "prometheus")
    gpus = gpu_alerts.present(settings) and any(pool.nodes and pool.nodes.min for pool in settings.pools)
    return (*always, "dcgm-exporter") if gpus else always


def told(settings: Settings) -> Iterator[Told]:
    """What a stack's exporters must tell at any time while they are up."""
    for metric in _CLUSTER:
        yield Told(job="kube-state-metrics", metric=metric, by=())
    if gpu_alerts.present(settings):
        for metric in _EACH_NODE:
            yield Told(job="dcgm-exporter", metric=metric, by=("node",))


def rules(settings: Settings, alerts: Alerts) -> Iterator[Rule]:
    """The alerts on the monitoring's own health, and the one that always fires."""
    yield alerts.alert(
        "Watchdog",
        "vector(1)",
        severity="none",
        summary="Prometheus evaluates rules and Alertmanager sends what they say",
        description="This always fires. Who no longer hears it, hears of nothing else either.",
    )
    yield from _targets(settings, alerts)
    for metric in told(settings):
        yield _absent(metric, alerts)
    yield from _prometheus(alerts)
    yield from _alertmanager(alerts)
    yield from _spans(alerts)


def _targets(settings: Settings, alerts: Alerts) -> Iterator[Rule]:
    yield alerts.alert(
        "TargetDown",
        'count by (job, namespace, node) (up{job!="serving"} == 0)',
        severity="ticket",
        summary=f"{{{{ $labels.job }}}}: {{{{ $value }}}} pods do not answer Prometheus for {_TARGET_FOR}",
        description="What they know is missing in the other alerts, and they may not answer others either.",
        wait=_TARGET_FOR,
    )
    for job in jobs(settings):
        yield alerts.alert(
            "TargetDown",
            f'absent(up{{job="{job}"}})',
            severity="ticket",
            job=job,
            summary=f"{job}: Prometheus finds no pod of it for {_TARGET_FOR}",
            description="Alerts that are made of its metrics cannot fire.",
            wait=_TARGET_FOR,
        )


def _absent(told: Told, alerts: Alerts) -> Rule:
    by = ", ".join(told.by)
    answers = f"group by ({', '.join(('job', *told.by))}) ({names.selector('up', job=told.job)} == 1)"
    where = "".join(f" on {{{{ $labels.{label} }}}}" for label in told.by)
    return alerts.alert(
        "PlatformMetricsAbsent",
        f"{answers} unless on ({by}) group by ({by}) ({told.metric})",
        severity="ticket",
        metric=told.metric,
        summary=f"{{{{ $labels.job }}}}{where} answers Prometheus, and tells no {told.metric} for {_TARGET_FOR}",
        description="Alerts that are made of it cannot fire.",
        wait=_TARGET_FOR,
    )


def _prometheus(alerts: Alerts) -> Iterator[Rule]:
    yield alerts.alert(
        "PrometheusConfigurationRejected",
        "prometheus_config_last_reload_successful == 0",
        severity="ticket",
        summary=f"{{{{ $labels.pod }}}} does not take its new configuration or rules for {_FOR}",
        description="It goes on with the old ones: changes of objectives have no effect.",
        wait=_FOR,
    )
    yield alerts.alert(
        "PrometheusRuleFailing",
        "sum by (pod, rule_group) (increase(prometheus_rule_evaluation_failures_total[15m])) > 0",
        severity="ticket",
        summary="{{ $labels.pod }}: {{ $value | humanize }} rules of {{ $labels.rule_group }} failed within 15m",
        description="Alerts of that group may not fire.",
        wait=_FOR,
    )
    errors, sent = (f"rate(prometheus_notifications_{what}_total[5m])" for what in ("errors", "sent"))
    yield alerts.alert(
        "PrometheusNotifyingFails",
        f"{errors} / {sent} > {_ERRORS_SHARE}",
        severity="ticket",
        reason="errors",
        summary="{{ $labels.pod }}: {{ $value | humanizePercentage }} of the alerts do not reach "
        f"{{{{ $labels.alertmanager }}}} for {_FOR}",
        description="With one Alertmanager nobody hears of alerts; the dead man's switch tells.",
        wait=_FOR,
    )
    yield alerts.alert(
        "PrometheusNotifyingFails",
        "prometheus_notifications_alertmanagers_discovered < 1",
        severity="ticket",
        reason="none found",
        summary=f"{{{{ $labels.pod }}}} finds no Alertmanager for {_FOR}",
        description="Nobody hears of alerts; the dead man's switch tells.",
        wait=_FOR,
    )


def _alertmanager(alerts: Alerts) -> Iterator[Rule]:
    yield alerts.alert(
        "AlertmanagerConfigurationRejected",
        "alertmanager_config_last_reload_successful == 0",
        severity="ticket",
        summary=f"{{{{ $labels.pod }}}} does not take its new configuration for {_FOR}",
        description="It goes on with the old one: changes of receivers and routes have no effect.",
        wait=_FOR,
    )
    yield alerts.alert(
        "AlertmanagerNotificationFailing",
        "sum by (integration, reason) (increase(alertmanager_notifications_failed_total[15m])) > 0",
        severity="ticket",
        summary="{{ $labels.integration }}: {{ $value | humanize }} notifications were given up within 15m "
        "({{ $labels.reason }})",
        description="Somebody was not told of an alert.",
        wait=_FOR,
    )


def _spans(alerts: Alerts) -> Iterator[Rule]:
    for who, metrics in (
        ("collector", ("otelcol_exporter_send_failed_spans_total", "otelcol_receiver_refused_spans_total")),
        ("serving", ("trace_spans_dropped_total",)),
    ):
        for metric in metrics:
            yield alerts.alert(
                "SpansDropped",
                f"sum by (job, service) (increase({metric}[15m])) > 0",
                severity="ticket",
                metric=metric,
                summary=f"{who}: {{{{ $value | humanize }}}} spans were lost within 15m",
                description="Some requests have no trace, or half of one. Users feel nothing.",
                wait="15m",
            )
