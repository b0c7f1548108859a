"""Tests of the platform's alerts: each fires on what it is there for, and stays quiet beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from infra import naming
from infra.slo import gpu_alerts, monitoring_alerts
from infra.slo.promtool import Case, constant, counter, firing, minutes, series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Settings
    from infra.slo.promtool import Check, Series

_GIB: Final = 1024**3
_SAMPLES: Final = 91
_POD: Final = {"namespace": naming.MONITORING_NAMESPACE, "pod": "prometheus-0"}
# The same pod, as a second kube-state-metrics tells of it.
_SECOND: Final = {**_POD, "instance": "second"}
_GPU: Final = {"node": "gpu-1", "gpu": "0", "UUID": "GPU-1", "modelName": "NVIDIA L4"}
_OF_POD: Final = {"namespace": naming.SERVICES_NAMESPACE, "pod": "sentiment-blue-7d4b-x2x7k"}


@dataclass(frozen=True, kw_only=True)
class _Example:
    """Something that must be told of, and something like it that must not.

    Attributes:
        alert: the name.
        bad: series for which it fires.
        labels: of the alert, but for its team and severity.
        first: the first minute in which it fires.
        good: series beside them for which it must not.
        severity: of the alert.
        last: the last minute in which it fires, if it ends.
        only: look at alerts with these labels alone.
    """

    alert: str
    bad: tuple[Series, ...]
    labels: Mapping[str, str]
    first: int
    good: tuple[Series, ...] = ()
    severity: str = "ticket"
    last: int | None = None
    only: Mapping[str, str] = field(default_factory=dict[str, str])

    def case(self) -> Case:
        labels = {"severity": self.severity, "team": naming.PLATFORM_TEAM, **self.labels}
        checks: list[Check] = [firing(self.alert, minutes(self.first), labels, only=self.only)]
        if self.first:
            checks.insert(0, firing(self.alert, minutes(self.first - 1), only=self.only))
        if self.last is not None:
            checks.append(firing(self.alert, minutes(self.last), labels, only=self.only))
            checks.append(firing(self.alert, minutes(self.last + 1), only=self.only))
        return Case(name=f"{self.alert} {dict(self.only) or ''}".strip(), series=(*self.bad, *self.good), checks=checks)


def cases(settings: Settings) -> Iterator[Case]:
    """The tests of the rules that the stack has, with a sample and an evaluation each minute."""
    examples = [
        *_cluster(),
        *_volume(settings),
        *_pods(),
        *_targets(settings),
        *_told(settings),
        *_prometheus(),
        *_alertmanager_and_spans(),
        *(_gpus() if gpu_alerts.present(settings) else ()),
    ]
    for example in examples:
        yield example.case()
    yield Case(
        name="what an exporter that is down does not tell is no news",
        series=[
            series("up", _same(0), job=job, node="a")
            for job in dict.fromkeys(told.job for told in monitoring_alerts.told(settings))
        ],
        checks=[firing("PlatformMetricsAbsent", minutes(30))],
    )


def _same(value: float) -> str:
    return constant(value, _SAMPLES)


def _cluster() -> Iterator[_Example]:
    ready = {"condition": "Ready", "status": "true"}
    yield _Example(
        alert="NodeNotReady",
        bad=(series("kube_node_status_condition", "1x9 0x9 1x9", {**ready, "node": "a"}),),
        good=(
            series("kube_node_status_condition", _same(1), {**ready, "node": "b"}),
            series("kube_node_status_condition", _same(0), {**ready, "node": "b", "status": "false"}),
            series("kube_node_status_condition", _same(0), {**ready, "node": "b", "condition": "DiskPressure"}),
        ),
        labels={"node": "a"},
        first=15,
        last=19,
    )
    size = "node_filesystem_size_bytes"
    available = "node_filesystem_avail_bytes"
    yield _Example(
        alert="VolumeFilling",
        bad=(series(size, _same(100), node="a"), series(available, "50x9 9x80", node="a")),
        good=(series(size, _same(100), node="b"), series(available, _same(11), node="b")),
        labels={"volume": "node", "node": "a"},
        first=20,
        only={"volume": "node"},
    )
    days, gateway = "envoy_server_days_until_first_cert_expiring", {"namespace": naming.GATEWAY_NAMESPACE}
    yield _Example(
        alert="CertificateExpiring",
        bad=(series(days, _same(20), {**gateway, "pod": "envoy-0"}),),
        good=(series(days, _same(21), {**gateway, "pod": "envoy-1"}),),
        labels={**gateway, "pod": "envoy-0"},
        first=5,
    )
    answers = "prometheus_sd_kubernetes_http_request_total"
    refused = counter((20, 0), (3, 1), (68, 0))
    yield _Example(
        alert="TokenRejected",
        bad=(series(answers, refused, _POD, status_code="401"),),
        good=(series(answers, refused, _POD, status_code="200"), series(answers, _same(4), _POD, status_code="403")),
        labels={**_POD, "status_code": "401"},
        first=26,
        last=36,
    )


def _volume(settings: Settings) -> Iterator[_Example]:
    if (gib := settings.monitoring.storage_gib) is None:
        return
    tsdb, other = "prometheus_tsdb", {**_POD, "pod": "prometheus-1"}
    yield _Example(
        alert="VolumeFilling",
        bad=(
            series(f"{tsdb}_storage_blocks_bytes", _same(0.7 * gib * _GIB), _POD),
            series(f"{tsdb}_wal_storage_size_bytes", _same(0.15 * gib * _GIB), _POD),
            series(f"{tsdb}_head_chunks_storage_size_bytes", _same(0.07 * gib * _GIB), _POD),
        ),
        good=(
            series(f"{tsdb}_storage_blocks_bytes", _same(0.7 * gib * _GIB), other),
            series(f"{tsdb}_wal_storage_size_bytes", _same(0.1 * gib * _GIB), other),
            series(f"{tsdb}_head_chunks_storage_size_bytes", _same(0.07 * gib * _GIB), other),
        ),
        labels={"volume": "prometheus", **_POD},
        first=10,
        only={"volume": "prometheus"},
    )


def _pods() -> Iterator[_Example]:
    """Of pods of a slot the service's own rules tell."""
    version, slot = {"label_app_kubernetes_io_version": "1.0.0"}, {"service": "sentiment", "slot": "blue"}
    elsewhere = {**_POD, "namespace": "kube-system"}
    restarts, unschedulable = "kube_pod_container_status_restarts_total", "kube_pod_status_unschedulable"
    labels = tuple(
        series("kube_pod_labels", _same(1), of) for of in (_POD, _SECOND, {**_OF_POD, **slot, **version}, elsewhere)
    )
    twice = counter((10, 0), (2, 1), (79, 0))
    yield _Example(
        alert="PodRestarting",
        bad=tuple(series(restarts, twice, of, container="prometheus") for of in (_POD, _SECOND)),
        good=(
            *labels,
            series(restarts, twice, {**_OF_POD, **slot}, container="serving"),
            series(restarts, twice, elsewhere, container="coredns"),
            series(restarts, counter((10, 0), (1, 1), (80, 0)), _POD, container="reloader"),
        ),
        labels={**_POD, "container": "prometheus"},
        first=12,
        last=69,
    )
    yield _Example(
        alert="PodUnschedulable",
        bad=(series(unschedulable, "_x10 1x30 stale", _POD),),
        good=(
            *labels,
            series(unschedulable, _same(1), {**_OF_POD, **slot}),
            series(unschedulable, _same(1), elsewhere),
        ),
        labels=_POD,
        first=25,
        last=40,
    )


def _targets(settings: Settings) -> Iterator[_Example]:
    of = {"namespace": naming.GATEWAY_NAMESPACE, "node": "a", "pod": "envoy-0", "job": "envoy"}
    all_there = tuple(series("up", _same(1), job=job, pod="there") for job in monitoring_alerts.jobs(settings))
    yield _Example(
        alert="TargetDown",
        bad=(series("up", "1x4 0x20 1x9", of),),
        good=(
            *all_there,
            series("up", _same(0), _OF_POD, job="serving"),
            series("up", "1x4 0x8 1x9", {**of, "node": "b"}),
        ),
        labels={key: of[key] for key in ("job", "namespace", "node")},
        first=15,
        last=25,
    )
    for job in monitoring_alerts.jobs(settings):
        yield _Example(
            alert="TargetDown",
            bad=(series("up", "1x4 stale", job=job),),
            good=tuple(each for each in all_there if f'job="{job}"' not in each["series"]),
            labels={"job": job},
            first=15,
        )


def _told(settings: Settings) -> Iterator[_Example]:
    """Of two exporters one tells less than it should; another job of its node, or of the cluster, tells nothing."""
    every = tuple(monitoring_alerts.told(settings))
    for told in every:
        at, beside = {"node": "a"}, {"node": "b"}
        others = [each for each in every if each.metric != told.metric]
        yield _Example(
            alert="PlatformMetricsAbsent",
            bad=(
                series("up", _same(1), at, job=told.job, pod="a"),
                series(told.metric, "1x4 stale", at, pod="x"),
            ),
            good=(
                series("up", _same(1), at, job="node-exporter", pod="b"),
                *(series("up", _same(1), beside, job=told.job, pod="c") for _ in told.by),
                *(series(told.metric, _same(1), beside, pod="y") for _ in told.by),
                *(series(each.metric, _same(1), node, pod="z") for each in others for node in (at, beside)),
            ),
            labels={"job": told.job, "metric": told.metric, **{label: at[label] for label in told.by}},
            first=15,
            only={"metric": told.metric},
        )


def _prometheus() -> Iterator[_Example]:
    other = {**_POD, "pod": "prometheus-1"}
    reload = "prometheus_config_last_reload_successful"
    yield _Example(
        alert="PrometheusConfigurationRejected",
        bad=(series(reload, "1x9 0x9 1x9", _POD),),
        good=(series(reload, _same(1), other),),
        labels=_POD,
        first=15,
        last=19,
    )
    failures = "prometheus_rule_evaluation_failures_total"
    yield _Example(
        alert="PrometheusRuleFailing",
        bad=(series(failures, counter((10, 0), (3, 1), (70, 0)), _POD, rule_group="a"),),
        good=(series(failures, _same(7), _POD, rule_group="b"),),
        labels={"pod": _POD["pod"], "rule_group": "a"},
        first=16,
        last=26,
    )
    to, well = {"alertmanager": "http://a"}, {"alertmanager": "http://b"}
    yield _Example(
        alert="PrometheusNotifyingFails",
        bad=(
            series("prometheus_notifications_errors_total", counter((10, 0), (20, 2), (40, 0)), _POD, **to),
            series("prometheus_notifications_sent_total", counter((70, 100)), _POD, **to),
        ),
        good=(
            series("prometheus_notifications_errors_total", counter((70, 0.9)), _POD, **well),
            series("prometheus_notifications_sent_total", counter((70, 100)), _POD, **well),
            series("prometheus_notifications_alertmanagers_discovered", _same(1), _POD),
        ),
        labels={**_POD, **to, "reason": "errors"},
        first=18,
    )
    yield _Example(
        alert="PrometheusNotifyingFails",
        bad=(series("prometheus_notifications_alertmanagers_discovered", "1x9 0x9", _POD),),
        good=(series("prometheus_notifications_alertmanagers_discovered", _same(2), other),),
        labels={**_POD, "reason": "none found"},
        first=15,
    )


def _alertmanager_and_spans() -> Iterator[_Example]:
    pod, other = {**_POD, "pod": "alertmanager-0"}, {**_POD, "pod": "alertmanager-1"}
    yield _Example(alert="Watchdog", bad=(series("up", _same(1), pod),), labels={}, first=0, severity="none")
    reload = "alertmanager_config_last_reload_successful"
    yield _Example(
        alert="AlertmanagerConfigurationRejected",
        bad=(series(reload, "1x9 0x9 1x9", pod),),
        good=(series(reload, _same(1), other),),
        labels=pod,
        first=15,
        last=19,
    )
    failed, why = "alertmanager_notifications_failed_total", {"integration": "slack", "reason": "clientError"}
    yield _Example(
        alert="AlertmanagerNotificationFailing",
        bad=(series(failed, counter((10, 0), (3, 1), (70, 0)), pod, **why),),
        good=(series(failed, _same(7), pod, integration="webhook", reason="other"),),
        labels=why,
        first=16,
        last=26,
    )
    lost = counter((10, 0), (60, 5))
    for metric, of in (
        ("otelcol_exporter_send_failed_spans_total", {"job": "collector"}),
        ("otelcol_receiver_refused_spans_total", {"job": "collector"}),
        ("trace_spans_dropped_total", {"job": "serving", "service": "sentiment"}),
    ):
        yield _Example(
            alert="SpansDropped",
            bad=(series(metric, lost, of, pod="a"),),
            good=(series(metric, _same(3), {**of, "service": "another"}, pod="b"),),
            labels={**of, "metric": metric},
            first=26,
            only={"metric": metric},
        )


def _gpus() -> Iterator[_Example]:
    well, place = {**_GPU, "gpu": "1", "UUID": "GPU-2"}, {**_GPU, "service": "sentiment", "slot": "blue"}
    yield _Example(
        alert="GpuSaturated",
        bad=(series("DCGM_FI_DEV_GPU_UTIL", _same(99), place, **_OF_POD),),
        good=(series("DCGM_FI_DEV_GPU_UTIL", _same(94), well),),
        labels=place,
        first=15,
    )
    used, free = "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE"
    yield _Example(
        alert="GpuMemoryFull",
        bad=(series(used, _same(96), _GPU), series(free, _same(4), _GPU)),
        good=(series(used, _same(94), well), series(free, _same(6), well)),
        labels=_GPU,
        first=10,
    )
    xid = "DCGM_FI_DEV_XID_ERRORS"
    for what, samples, last in (("hardware", "0x9 79x80", None), ("program", "0x9 31x80", 68)):
        yield _Example(
            alert="GpuXidError",
            bad=(series(xid, samples, _GPU, err=what),),
            good=(series(xid, _same(0), well), series(xid, _same(31), well, err="long ago")),
            labels=_GPU,
            first=10,
            last=last,
        )
    yield _Example(
        alert="GpuRowRemapFailure",
        bad=(series("DCGM_FI_DEV_ROW_REMAP_FAILURE", "0x9 1x80", _GPU),),
        good=(series("DCGM_FI_DEV_ROW_REMAP_FAILURE", _same(0), well),),
        labels=_GPU,
        first=10,
    )
