"""Alerts on pods that restart or find no node, for the pods of a service as for those of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra import naming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.slo.rules import Alerts, Rule

# A cold pool of a cloud has its first GPU node after some ten minutes.
_UNSCHEDULABLE_FOR: Final = "15m"
_RESTARTS: Final = 2
_VERSION: Final = "label_app_kubernetes_io_version"
_BY: Final = "namespace, pod, service, slot, version"


def of_service(service: str, alerts: Alerts) -> Iterator[Rule]:
    """The alerts on a service's pods."""
    # kube-state-metrics' series of a slot's pods get the labels service and slot when they are read.
    return _rules(f'namespace="{naming.SERVICES_NAMESPACE}",service="{service}"', alerts)


def of_platform(alerts: Alerts) -> Iterator[Rule]:
    """The alerts on pods that are of no slot: the platform's own, and those that build engines."""
    return _rules(f'namespace=~"{naming.PART_OF}.*",service=""', alerts)


def _rules(matchers: str, alerts: Alerts) -> Iterator[Rule]:
    restarts = f"round(increase(kube_pod_container_status_restarts_total{{{matchers}}}[1h]))"
    yield alerts.alert(
        "PodRestarting",
        f"{_by_version(restarts, matchers, f'{_BY}, container')} >= {_RESTARTS}",
        severity="ticket",
        summary="{{ $labels.namespace }}/{{ $labels.pod }}: container {{ $labels.container }} "
        "restarted {{ $value }} times within 1h",
        description="Each restart takes what it was doing with it, and its capacity until it is ready again.",
    )
    # The series is there as long as the scheduler finds no node.
    unschedulable = f"kube_pod_status_unschedulable{{{matchers}}}"
    yield alerts.alert(
        "PodUnschedulable",
        f"{_by_version(unschedulable, matchers, _BY)} > 0",
        severity="ticket",
        summary=f"{{{{ $labels.namespace }}}}/{{{{ $labels.pod }}}}: no node has room for it for {_UNSCHEDULABLE_FOR}",
        description="A release or a restart does not come to its end, and what runs carries the load alone.",
        wait=_UNSCHEDULABLE_FOR,
    )


def _by_version(expr: str, matchers: str, by: str) -> str:
    """The series of pods with the version that the pod's label names, and without it where there is none."""
    # While kube-state-metrics is replaced there are two of it, and each series twice.
    versions = f"max by (namespace, pod, {_VERSION}) (kube_pod_labels{{{matchers}}})"
    joined = f"{expr} * on (namespace, pod) group_left ({_VERSION}) {versions}"
    return f'max by ({by}) (label_replace({joined}, "version", "$1", "{_VERSION}", "(.+)"))'
