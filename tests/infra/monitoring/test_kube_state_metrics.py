"""kube-state-metrics watches and exports what rules and panels use, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra import naming
from infra.kubernetes.monitoring.kube_state_metrics import declare_kube_state_metrics, flags, rights
from tests.infra.monitoring.parts import PINNED, broken_rules, declared_by, one, pod_of

if TYPE_CHECKING:
    from tests.infra.recorder import Declared

METRICS: Final = (
    "kube_pod_labels",
    "kube_pod_container_status_restarts_total",
    "kube_deployment_spec_replicas",
    "kube_node_status_condition",
)


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    """With the metrics of the test, on the system pool."""
    return declared_by(lambda scope: declare_kube_state_metrics(scope, image=PINNED, metrics=METRICS, pool="system"))


def _flag(name: str) -> str:
    (value,) = (each.partition("=")[2] for each in flags(METRICS) if each.startswith(f"--{name}="))
    return value


def test_only_the_kinds_of_these_metrics_are_watched() -> None:
    """A kind that no metric is of is neither asked for nor allowed, and nothing may be read one by one."""
    assert set(_flag("resources").split(",")) == {"deployments", "nodes", "pods"}
    allowed: dict[str, Any] = {str(rule.api_groups): (rule.resources, rule.verbs) for rule in rights(METRICS)}
    assert allowed == {
        "['']": (["nodes", "pods"], ["list", "watch"]),
        "['apps']": (["deployments"], ["list", "watch"]),
    }


def test_a_metric_is_allowed_by_its_whole_name() -> None:
    """kube-state-metrics looks for the expressions of its list anywhere in a name."""
    expressions = _flag("metric-allowlist").split(",")
    assert [name for name in METRICS if not any(re.search(each, name) for each in expressions)] == []
    others = ("kube_pod_labels_more", "some_kube_pod_labels", "kube_pod_container_status_restarts")
    assert [name for name in others if any(re.search(each, name) for each in expressions)] == []


def test_a_metric_of_an_unknown_kind_is_named() -> None:
    """Who uses a metric of another kind learns that its right has to be thought about."""
    with pytest.raises(ValueError, match="kube_secret_"):
        flags(["kube_secret_info"])


def test_its_pods_tell_versions_alone() -> None:
    """Of the labels of objects one is exported: each more is a label of many series."""
    assert _flag("metric-labels-allowlist") == "nodes=[inferstack.dev/pool],pods=[app.kubernetes.io/version]"


def test_it_has_a_token_and_a_place(declared: list[Declared]) -> None:
    """It calls the API server, on nodes that no autoscaler empties, and Prometheus alone reads it."""
    pod = pod_of(declared, "kube-state-metrics")
    assert pod["automountServiceAccountToken"] is True
    assert pod["nodeSelector"] == {naming.POOL_LABEL: "system"}
    ports = {each["name"]: each["containerPort"] for each in pod["containers"][0]["ports"]}
    (rule,) = one(declared, ":NetworkPolicy", "kube-state-metrics-traffic")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [ports["metrics"]]


def test_it_is_not_restarted_while_the_api_server_is_away(declared: list[Declared]) -> None:
    """Its liveness asks itself: /livez would ask the API server."""
    container = pod_of(declared, "kube-state-metrics")["containers"][0]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "telemetry"}


def test_it_keeps_all_rules(declared: list[Declared]) -> None:
    """The token too: the account is one of those that are named."""
    assert broken_rules(declared) == []
