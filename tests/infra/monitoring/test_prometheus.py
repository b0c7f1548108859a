"""Prometheus, as the engine would see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra import naming, settings
from infra.kubernetes.monitoring.prometheus import PrometheusArgs, declare_prometheus
from tests.infra.monitoring.parts import PINNED, broken_rules, declared_by, one
from tests.infra.samples import MONITORING

if TYPE_CHECKING:
    from tests.infra.recorder import Declared

PAIR = MONITORING.model_copy(update={"replicas": 2, "storage_gib": 100, "retention_days": 60})


def _declare(
    monitoring: settings.Monitoring = MONITORING, *, rules: tuple[str, ...] = ("objective-sentiment",)
) -> list[Declared]:
    return declared_by(
        lambda scope: declare_prometheus(
            scope,
            PrometheusArgs(
                image=PINNED,
                monitoring=monitoring,
                configuration={"global": {"scrape_interval": "15s"}},
                rules={name: name for name in rules},
                namespaces={"inferstack": "inferstack", "inferstack-gateway": "inferstack-gateway"},
                targets={"inferstack": (8080,)},
                readers=("grafana",),
            ),
        )
    )


def _set(declared: list[Declared]) -> dict[str, Any]:
    return one(declared, ":StatefulSet", "prometheus")["spec"]


def _container(declared: list[Declared]) -> dict[str, Any]:
    (container,) = _set(declared)["template"]["spec"]["containers"]
    return container


@pytest.mark.parametrize("monitoring", [MONITORING, PAIR], ids=["one", "pair"])
def test_it_keeps_all_rules(monitoring: settings.Monitoring) -> None:
    """Without an exemption."""
    assert broken_rules(_declare(monitoring)) == []


def test_it_watches_its_configuration_and_shows_nobody_how_to_change_it() -> None:
    """Changed files are read within seconds; neither its life nor its data can be changed over HTTP."""
    arguments = _container(_declare())["args"]
    assert "--enable-feature=auto-reload-config,exemplar-storage" in arguments
    assert not any(word in argument for argument in arguments for word in ("lifecycle", "admin", "remote-write"))


def test_all_files_come_in_one_volume() -> None:
    """Configuration and rules change at the same moment, each rule file under a name of its own."""
    declared = _declare(rules=("objective-sentiment", "platform"))
    volumes = {each["name"]: each for each in _set(declared)["template"]["spec"]["volumes"]}
    sources = [source["configMap"] for source in volumes["configuration"]["projected"]["sources"]]
    assert {source["name"]: [(item["key"], item["path"]) for item in source["items"]] for source in sources} == {
        "prometheus": [("prometheus.yaml", "prometheus.yaml")],
        "objective-sentiment": [("rules.yaml", "rules/objective-sentiment.yaml")],
        "platform": [("rules.yaml", "rules/platform.yaml")],
    }
    configuration = one(declared, ":ConfigMap", "prometheus")["data"]["prometheus.yaml"]
    assert yaml.safe_load(configuration) == {"global": {"scrape_interval": "15s"}}


def test_without_storage_it_has_some_of_the_node() -> None:
    """What it keeps goes with the pod and is bounded, below the bound at which the kubelet evicts it."""
    declared = _declare()
    volumes = {each["name"]: each for each in _set(declared)["template"]["spec"]["volumes"]}
    assert volumes["data"]["emptyDir"] == {"sizeLimit": "2048Mi"}
    assert "volumeClaimTemplates" not in _set(declared)
    arguments = _container(declared)["args"]
    assert "--storage.tsdb.retention.time=8d" in arguments
    assert "--storage.tsdb.retention.size=1638MB" in arguments


def test_with_storage_each_has_a_volume_of_the_size_that_is_asked_for() -> None:
    """A claim for each pod, of the default class, of which a fifth stays free."""
    declared = _declare(PAIR)
    (claim,) = _set(declared)["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Gi"}}}
    assert "data" not in {each["name"] for each in _set(declared)["template"]["spec"]["volumes"]}
    assert "--storage.tsdb.retention.time=60d" in _container(declared)["args"]
    assert "--storage.tsdb.retention.size=81920MB" in _container(declared)["args"]


def test_two_of_a_pair_are_apart_and_never_both_away() -> None:
    """They are spread over zones and nodes, drained one at a time, and each knows its own name."""
    declared = _declare(PAIR)
    assert _set(declared)["replicas"] == 2
    spread = _set(declared)["template"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert one(declared, ":PodDisruptionBudget", "prometheus")["spec"]["maxUnavailable"] == 1
    (variable,) = _container(declared)["env"]
    assert variable["name"] == "POD_NAME"
    assert one(declared, ":Service", "prometheus")["spec"]["sessionAffinity"] == "ClientIP"


def test_one_alone_has_no_budget_that_would_keep_its_node() -> None:
    """A budget of one pod would let no node be drained."""
    assert [each.name for each in _declare() if each.type.endswith(":PodDisruptionBudget")] == []


def test_it_may_look_at_pods_where_its_targets_are() -> None:
    """It reads pods and nothing else, in the namespaces named, by one role and a binding in each."""
    declared = _declare()
    (role,) = [each.inputs for each in declared if each.type.endswith(":ClusterRole")]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    bindings = [each.inputs for each in declared if each.type.endswith(":RoleBinding")]
    assert [each["metadata"]["namespace"] for each in bindings] == ["inferstack", "inferstack-gateway"]
    for binding in bindings:
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "prometheus", "namespace": naming.MONITORING_NAMESPACE}
        ]
    assert [each.name for each in declared if each.type.endswith((":ClusterRoleBinding", ":Role"))] == []


def test_no_request_is_sent_to_one_that_reads_its_log_still() -> None:
    """After a crash it may take minutes to be ready: until then it is neither asked nor killed."""
    container = _container(_declare())
    startup = container["startupProbe"]
    assert startup["httpGet"]["path"] == "/-/ready"
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 600
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
