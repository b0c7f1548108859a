"""Every metric that rules and panels may use, by the component that exports it: what is not here, nobody exports.

Tests hold serving's part to serving's own registry, and the others' to what they answer on the real cluster.
kube-state-metrics exports nothing but what is named here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra import routing
from infra.slo import gpu_alerts, names

if TYPE_CHECKING:
    from infra.settings import Settings

JOB_OF_GPUS: Final = "dcgm-exporter"


def _histogram(*families: str) -> tuple[str, ...]:
    return tuple(f"{family}_{part}" for family in families for part in ("bucket", "sum", "count"))


SERVING: Final = frozenset(
    (
        "batch_queue_limit_texts",
        "batch_queue_texts",
        "engine_cache_misses_total",
        "feature_flag_problems",
        "http_requests_active",
        "http_requests_total",
        "model_info",
        "padding_tokens_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "provider_fallback",
        "request_errors_total",
        "service_ready",
        "tokens_per_second",
        "tokens_total",
        "trace_spans_dropped_total",
        "trace_spans_sent_total",
        "user_batch_texts_total",
        "user_confidence_total",
        "user_errors_total",
        "user_feedback_total",
        "user_log_seconds_total",
        "user_requests_total",
        "user_texts_total",
        "user_tokens_total",
        *_histogram(
            "batch_queue_seconds", "batch_size_texts", "http_request_duration_seconds", "model_latency_seconds"
        ),
    )
)
"""Of each serving pod; those that a request or a run brings are there from the first one on."""

SHADOW: Final = frozenset(
    (
        "shadow_agreements_total",
        "shadow_comparisons_total",
        "shadow_dropped_total",
        "shadow_failures_total",
        "shadow_requests_active",
    )
)
"""Of the comparator of mirrored requests, where a release mirrors some; counts are there from the first one on."""

KUBE_STATE_METRICS: Final = frozenset(
    (
        "kube_deployment_spec_replicas",
        "kube_deployment_status_replicas_ready",
        "kube_node_labels",
        "kube_node_status_allocatable",
        "kube_node_status_condition",
        "kube_pod_container_resource_requests",
        "kube_pod_container_status_restarts_total",
        "kube_pod_labels",
        "kube_pod_status_unschedulable",
    )
)
"""Also what kube-state-metrics is told to export, and nothing else."""

ENVOY: Final = frozenset(
    (
        "envoy_cluster_membership_healthy",
        "envoy_cluster_membership_total",
        "envoy_cluster_upstream_cx_connect_fail",
        "envoy_cluster_upstream_rq_active",
        "envoy_cluster_upstream_rq_completed",
        "envoy_cluster_upstream_rq_xx",
        "envoy_http_downstream_rq_xx",
        "envoy_server_days_until_first_cert_expiring",
        "envoy_server_live",
        *_histogram("envoy_cluster_upstream_rq_time"),
    )
)
"""Of the gateway; counts of answers and times are there from the first request on."""

NODE_EXPORTER: Final = frozenset(
    (
        "node_cpu_seconds_total",
        "node_filesystem_avail_bytes",
        "node_filesystem_size_bytes",
        "node_load1",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_pressure_cpu_waiting_seconds_total",
        "node_pressure_io_waiting_seconds_total",
        "node_pressure_memory_waiting_seconds_total",
    )
)

DCGM_EXPORTER: Final = frozenset(
    (
        "DCGM_FI_DEV_FB_FREE",
        "DCGM_FI_DEV_FB_USED",
        "DCGM_FI_DEV_GPU_TEMP",
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DEV_MEM_COPY_UTIL",
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_ROW_REMAP_FAILURE",
        "DCGM_FI_DEV_SM_CLOCK",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "DCGM_FI_DEV_XID_ERRORS",
    )
)
"""As infra.kubernetes.dcgm_exporter tells it to export."""

PROMETHEUS: Final = frozenset(
    (
        "prometheus_config_last_reload_successful",
        "prometheus_notifications_alertmanagers_discovered",
        "prometheus_notifications_errors_total",
        "prometheus_notifications_sent_total",
        "prometheus_rule_evaluation_failures_total",
        "prometheus_rule_group_last_duration_seconds",
        "prometheus_sd_kubernetes_http_request_total",
        "prometheus_tsdb_head_chunks_storage_size_bytes",
        "prometheus_tsdb_head_samples_appended_total",
        "prometheus_tsdb_head_series",
        "prometheus_tsdb_storage_blocks_bytes",
        "prometheus_tsdb_wal_storage_size_bytes",
    )
)

ALERTMANAGER: Final = frozenset(
    (
        "alertmanager_config_last_reload_successful",
        "alertmanager_notifications_failed_total",
        "alertmanager_notifications_total",
    )
)

COLLECTOR: Final = frozenset(
    (
        "otelcol_exporter_send_failed_spans_total",
        "otelcol_exporter_sent_spans_total",
        "otelcol_receiver_accepted_spans_total",
        "otelcol_receiver_refused_spans_total",
    )
)
"""Of the OpenTelemetry collector; the exporter's are there from the first span on."""

OF_PROMETHEUS_ITSELF: Final = frozenset(
    ("ALERTS", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped", "up")
)
"""What Prometheus adds for each target, and for each alert."""

BY_JOB: Final = {
    "alertmanager": ALERTMANAGER,
    "collector": COLLECTOR,
    JOB_OF_GPUS: DCGM_EXPORTER,
    "envoy": ENVOY,
    "kube-state-metrics": KUBE_STATE_METRICS,
    "node-exporter": NODE_EXPORTER,
    "prometheus": PROMETHEUS,
    "serving": SERVING,
    routing.SHADOW: SHADOW,
}
"""Metrics by the job under which Prometheus reads them."""


def in_stack(settings: Settings) -> frozenset[str]:
    """All names that a rule or a panel of the stack may use, those that its rules record included."""
    absent = set[str]()
    if not gpu_alerts.present(settings):
        absent.add(JOB_OF_GPUS)
    if not routing.may_mirror(service.release for service in settings.services):
        absent.add(routing.SHADOW)
    exporters = {job: metrics for job, metrics in BY_JOB.items() if job not in absent}
    recorded = (names.recorded(service.objective.window_days) for service in settings.services)
    return OF_PROMETHEUS_ITSELF.union(*exporters.values(), *recorded)
