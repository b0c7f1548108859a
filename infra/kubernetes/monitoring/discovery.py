"""What Prometheus reads: the scrape configuration as data.

Pods are found by their labels and by the name of a port, so that a new service or component is read without a change:
a serving pod by ``inferstack.dev/service`` and its port ``http``, anything else of the platform by a port ``metrics``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from infra import naming, routing
from infra.settings import BlueGreenRelease, CanaryRelease, EksCluster, EmbeddedCluster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.settings import Cluster, Settings

Configuration = dict[str, Any]

RULES_FOLDER: Final = "/etc/prometheus/rules"
"""Every file there is a rule file."""
REPLICA: Final = "replica"
"""The label that tells the Prometheus of a pair from the other; alerts have it not, or each would come twice."""

# Interval and timeout. Faults of the embedded cluster are exercises, and somebody waits for the alert.
_FAST: Final = ("5s", "4s")
_USUAL: Final = ("15s", "10s")
# Far more than any target has: one that grows without bounds is down before it takes Prometheus with it.
_MOST_SAMPLES: Final = 50_000

_POD: Final = "__meta_kubernetes_pod"
_ENVOY: Final = "envoy"
# These speak of other pods and nodes, whose names their series have under the same labels as a target has its own.
_KUBE_STATE_METRICS: Final = "kube-state-metrics"
_DCGM_EXPORTER: Final = "dcgm-exporter"
_ON_THEIR_OWN: Final = (_ENVOY, _KUBE_STATE_METRICS, _DCGM_EXPORTER)
_SLOTS: Final = "|".join((*CanaryRelease.slot_names, *BlueGreenRelease.slot_names, routing.BASELINE))
_OF_A_SLOT: Final = rf"(.+)-({_SLOTS})"
# The suffixes that a ReplicaSet and its pods get.
_POD_OF_A_SLOT: Final = rf"{naming.SERVICES_NAMESPACE};{_OF_A_SLOT}-[a-z0-9]+-[a-z0-9]+"
# Contour names clusters in statistics by namespace, Service and port; labels of DNS have no underscore.
_CLUSTER_OF_A_SLOT: Final = rf"{naming.SERVICES_NAMESPACE}_{_OF_A_SLOT}_[0-9]+"


def namespaces(cluster: Cluster) -> tuple[str, ...]:
    """Where targets may be: Prometheus has the right to see pods there and nowhere else."""
    return (naming.SERVICES_NAMESPACE, *_of_the_platform(cluster))


def configuration(settings: Settings, *, environment: str) -> Configuration:
    """The configuration of Prometheus.

    Args:
        settings: the stack's.
        environment: its name, which every series has where it leaves Prometheus.
    """
    interval, timeout = _FAST if isinstance(settings.cluster, EmbeddedCluster) else _USUAL
    platform = _of_the_platform(settings.cluster)
    on_gpus = [_dcgm_exporter(platform)] if isinstance(settings.cluster, EksCluster) else []
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": timeout,
            "evaluation_interval": interval,
            "sample_limit": _MOST_SAMPLES,
            "external_labels": {"environment": environment, REPLICA: "${POD_NAME}"},
        },
        "rule_files": [f"{RULES_FOLDER}/*.yaml"],
        "alerting": {
            "alert_relabel_configs": [{"action": "labeldrop", "regex": REPLICA}],
            "alertmanagers": [_alertmanagers()],
        },
        "scrape_configs": [
            _serving(),
            # Of the next release too: a step of a release changes nothing of monitoring.
            *([_shadow()] if routing.may_mirror(service.release for service in settings.services) else []),
            _envoy(platform),
            _kube_state_metrics(platform),
            *on_gpus,
            _everything_else(platform),
        ],
    }


def _of_the_platform(cluster: Cluster) -> tuple[str, ...]:
    cloud = (naming.SYSTEM_NAMESPACE, naming.GPU_NAMESPACE) if isinstance(cluster, EksCluster) else ()
    return (naming.GATEWAY_NAMESPACE, naming.MONITORING_NAMESPACE, *cloud)


def _pods(where: Sequence[str], labels: str) -> Configuration:
    """Discovery of pods. Jobs that say the same share one watch."""
    return {"role": "pod", "namespaces": {"names": list(where)}, "selectors": [{"role": "pod", "label": labels}]}


def _parts(where: Sequence[str]) -> Configuration:
    return _pods(where, f"app.kubernetes.io/part-of={naming.PART_OF}")


def _alertmanagers() -> Configuration:
    """All pods of Alertmanager: each is told of each alert, and they agree on who notifies."""
    labels = ",".join(f"{key}={value}" for key, value in naming.selector("alertmanager").items())
    return {
        "kubernetes_sd_configs": [_pods([naming.MONITORING_NAMESPACE], labels)],
        "relabel_configs": [_keep("metrics", f"{_POD}_container_port_name")],
    }


def _serving() -> Configuration:
    # A Job that builds engines is of a service too, and of no slot.
    found = _pods([naming.SERVICES_NAMESPACE], f"{naming.SERVICE_LABEL},{naming.SLOT_LABEL}")
    return {
        "job_name": "serving",
        "kubernetes_sd_configs": [found],
        "relabel_configs": [
            _keep("http", f"{_POD}_container_port_name"),
            _still_runs(),
            _copy(_label(naming.SERVICE_LABEL), "service"),
            _copy(_label(naming.SLOT_LABEL), "slot"),
            _copy(_label("app.kubernetes.io/version"), "version"),
            *_place(),
        ],
    }


def _shadow() -> Configuration:
    # Without a label `slot`: its series have one of their own, that of the slot which gave no answer.
    return {
        "job_name": routing.SHADOW,
        "kubernetes_sd_configs": [_pods([naming.SERVICES_NAMESPACE], naming.SHADOW_LABEL)],
        "relabel_configs": [
            _keep("http", f"{_POD}_container_port_name"),
            _still_runs(),
            _copy(_label(naming.SHADOW_LABEL), "service"),
            *_place(),
        ],
    }


def _envoy(platform: Sequence[str]) -> Configuration:
    return {
        "job_name": _ENVOY,
        "metrics_path": "/stats/prometheus",
        "kubernetes_sd_configs": [_parts(platform)],
        "relabel_configs": [*_of_component(_ENVOY), *_place()],
        "metric_relabel_configs": _slot_from(_CLUSTER_OF_A_SLOT, "envoy_cluster_name"),
    }


def _kube_state_metrics(platform: Sequence[str]) -> Configuration:
    return {
        "job_name": _KUBE_STATE_METRICS,
        "honor_labels": True,
        "kubernetes_sd_configs": [_parts(platform)],
        "relabel_configs": _of_component(_KUBE_STATE_METRICS),
        "metric_relabel_configs": [
            *_slot_from(_POD_OF_A_SLOT, "namespace", "pod"),
            *_slot_from(rf"{naming.SERVICES_NAMESPACE};{_OF_A_SLOT}", "namespace", "deployment"),
        ],
    }


def _dcgm_exporter(platform: Sequence[str]) -> Configuration:
    return {
        "job_name": _DCGM_EXPORTER,
        "honor_labels": True,
        "kubernetes_sd_configs": [_parts(platform)],
        "relabel_configs": [*_of_component(_DCGM_EXPORTER), _copy(f"{_POD}_node_name", "node")],
        # The pod that has the GPU, where one has it.
        "metric_relabel_configs": _slot_from(_POD_OF_A_SLOT, "namespace", "pod"),
    }


def _everything_else(platform: Sequence[str]) -> Configuration:
    """The job is named like the component."""
    name = _label("app.kubernetes.io/name")
    return {
        "job_name": "platform",
        "kubernetes_sd_configs": [_parts(platform)],
        "relabel_configs": [
            {"action": "drop", "source_labels": [name], "regex": "|".join(_ON_THEIR_OWN)},
            _keep("metrics", f"{_POD}_container_port_name"),
            _still_runs(),
            _copy(name, "job"),
            *_place(),
        ],
    }


def _of_component(name: str) -> list[Configuration]:
    return [
        _keep(name, _label("app.kubernetes.io/name")),
        _keep("metrics", f"{_POD}_container_port_name"),
        _still_runs(),
    ]


def _place() -> list[Configuration]:
    sources = {"namespace": "__meta_kubernetes_namespace", "pod": f"{_POD}_name", "node": f"{_POD}_node_name"}
    return [_copy(source, target) for target, source in sources.items()]


def _slot_from(pattern: str, *labels: str) -> list[Configuration]:
    """The labels ``service`` and ``slot`` for series whose labels name a slot's pod, Deployment or Service."""
    return [
        {"source_labels": list(labels), "regex": pattern, "target_label": target, "replacement": f"${group}"}
        for group, target in enumerate(("service", "slot"), start=1)
    ]


def _keep(value: str, label: str) -> Configuration:
    return {"action": "keep", "source_labels": [label], "regex": value}


def _still_runs() -> Configuration:
    return {"action": "drop", "source_labels": [f"{_POD}_phase"], "regex": "Succeeded|Failed"}


def _copy(source: str, target: str) -> Configuration:
    return {"source_labels": [source], "target_label": target}


def _label(key: str) -> str:
    """The name that discovery gives a pod's label."""
    return f"{_POD}_label_{re.sub(r'[^a-zA-Z0-9_]', '_', key)}"
