"""Alerts on what all services stand on: nodes, disks, certificates, the right to ask Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Settings
    from infra.slo.rules import Alerts, Rule

# The kubelet deletes images at 85 % and evicts pods at 90 %: what is still full after that will not empty itself.
_DISK_LEFT: Final = 0.1
_DISK_FOR: Final = "10m"
# Prometheus deletes its oldest blocks in time; what goes beyond is what it has not yet put into blocks.
_VOLUME_SHARE: Final = 0.9
# Envoy's and Contour's certificates live a year, and somebody has to renew them.
_CERTIFICATE_DAYS: Final = 21
_NODE_FOR: Final = "5m"
_GIB: Final = 1024**3


def rules(settings: Settings, alerts: Alerts) -> Iterator[Rule]:
    """The alerts on the cluster, as far as it shows itself: EKS shows nothing of its control plane."""
    yield alerts.alert(
        "NodeNotReady",
        'max by (node) (kube_node_status_condition{condition="Ready",status="true"}) == 0',
        severity="ticket",
        summary=f"{{{{ $labels.node }}}} is not ready for {_NODE_FOR}",
        description="Its pods are made anew on other nodes, if these have room.",
        wait=_NODE_FOR,
    )
    yield alerts.alert(
        "VolumeFilling",
        f"min by (node) (node_filesystem_avail_bytes / node_filesystem_size_bytes) < {_DISK_LEFT}",
        severity="ticket",
        volume="node",
        summary=f"{{{{ $labels.node }}}}: {{{{ $value | humanizePercentage }}}} of its disk is left for {_DISK_FOR}",
        description="The kubelet evicts pods from a full node.",
        wait=_DISK_FOR,
    )
    if (gib := settings.monitoring.storage_gib) is not None:
        parts = (
            "prometheus_tsdb_storage_blocks_bytes",
            "prometheus_tsdb_wal_storage_size_bytes",
            "prometheus_tsdb_head_chunks_storage_size_bytes",
        )
        yield alerts.alert(
            "VolumeFilling",
            f"({' + '.join(parts)}) / {gib * _GIB} > {_VOLUME_SHARE}",
            severity="ticket",
            volume="prometheus",
            summary="{{ $labels.pod }}: {{ $value | humanizePercentage }} of the "
            f"{gib} GiB of its volume are used for {_DISK_FOR}",
            description="Once it is full, Prometheus stops, and with it all alerts but the dead man's switch.",
            wait=_DISK_FOR,
        )
    yield alerts.alert(
        "CertificateExpiring",
        f"min by (namespace, pod) (envoy_server_days_until_first_cert_expiring) < {_CERTIFICATE_DAYS}",
        severity="ticket",
        summary="{{ $labels.namespace }}/{{ $labels.pod }}: a certificate expires in {{ $value }} days",
        description="After that Envoy takes no change from Contour, and loses pods that go without seeing new ones.",
        wait="5m",
    )
    refused = 'prometheus_sd_kubernetes_http_request_total{status_code=~"401|403"}'
    yield alerts.alert(
        "TokenRejected",
        f"sum by (namespace, pod, status_code) (increase({refused}[15m])) > 0",
        severity="ticket",
        summary="{{ $labels.pod }}: Kubernetes answered its token {{ $value | humanize }} times within 15m "
        "with {{ $labels.status_code }}",
        description="Prometheus does not see new pods, and takes those that are gone for silent.",
        wait="5m",
    )
