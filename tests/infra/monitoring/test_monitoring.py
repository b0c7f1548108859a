"""All of monitoring together, as the engine would see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra import naming, quantities, settings
from infra.images import PlatformImages
from infra.kubernetes.monitoring import discovery
from infra.kubernetes.monitoring.monitoring import Monitoring, MonitoringArgs, demand
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from policies.__main__ import RULES
from policies.pack import plain
from policies.rule import Resource, Verdict
from tests.infra.monitoring.parts import PINNED
from tests.infra.recorder import record
from tests.infra.stacks import ON_AWS, ROOT, declare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.infra.recorder import Declared

LOCAL = settings.read("local", ROOT)
# What etcd takes of one object, less what the API server adds.
MOST_BYTES = 1_000_000
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def _images(*, grafana: bool = False) -> PlatformImages:
    return PlatformImages(
        base=PINNED,
        contour=PINNED,
        envoy=PINNED,
        prometheus=PINNED,
        alertmanager=PINNED,
        kube_state_metrics=PINNED,
        node_exporter=PINNED,
        collector=PINNED,
        grafana=PINNED if grafana else None,
        prometheus_adapter=PINNED,
    )


def _declare(wanted: settings.Settings = LOCAL, *, grafana: bool = False) -> list[Declared]:
    def program() -> None:
        namespace = ClosedNamespace(
            naming.MONITORING_NAMESPACE, ClosedNamespaceArgs(environment="local", demand=demand(wanted))
        )
        names = {name: name for name in discovery.namespaces(wanted.cluster)}
        Monitoring(
            "monitoring",
            MonitoringArgs(
                settings=wanted,
                environment="local",
                images=_images(grafana=grafana),
                namespaces={**names, naming.MONITORING_NAMESPACE: namespace.name},
            ),
        )

    return record(program)


def _objects(declared: Sequence[Declared]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(each.type.rpartition(":")[2], each.name): each.inputs for each in declared}


def test_what_scales_is_there_where_something_is_scaled() -> None:
    """prometheus-adapter may ask Prometheus, and fits in the namespace's quota, where a service is scaled."""
    (service,) = LOCAL.services
    scaled = settings.Autoscaling(max_replicas=2, requests_in_flight=4)
    wanted = LOCAL.model_copy(update={"services": (service.model_copy(update={"autoscaling": scaled}),)})
    adapter = ("Deployment", "prometheus-adapter")
    assert adapter not in _objects(_declare())
    objects = _objects(_declare(wanted))
    assert adapter in objects
    (rule,) = objects["NetworkPolicy", "prometheus-traffic"]["spec"]["ingress"]
    asking = [each["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for each in rule["from"]]
    assert asking == ["prometheus", "grafana", "prometheus-adapter"]
    assert demand(wanted).pods == demand(LOCAL).pods + 2


def _with(service: dict[str, Any]) -> settings.Settings:
    (only,) = LOCAL.services
    return LOCAL.model_copy(update={"services": (only.model_copy(update=service),)})


@pytest.mark.parametrize("grafana", [True, False])
def test_it_keeps_all_rules(*, grafana: bool) -> None:
    """Also those about a whole stack, with every part that some cluster has."""
    declared = _declare(grafana=grafana)
    resources = [Resource(type=each.type, name=each.name, properties=plain(each.inputs)) for each in declared]
    findings = [found for rule in RULES for found in rule.judge(resources)]
    assert [found.message() for found in findings if found.verdict is not Verdict.PASS or found.exemptions] == []


@pytest.mark.parametrize(
    "objective",
    [
        {"availability": 99.5},
        {"latency": settings.Latency(quantile=99, seconds=0.5)},
        {"availability": 98, "latency": settings.Latency(quantile=90, seconds=0.1)},
    ],
    ids=["availability", "latency", "both"],
)
def test_a_changed_objective_changes_what_is_derived_from_it_and_nothing_else(objective: dict[str, Any]) -> None:
    """Rules, tests, thresholds and dashboards of that service: config maps, and no pod is made anew."""
    before = _objects(_declare())
    (service,) = LOCAL.services
    after = _objects(_declare(_with({"objective": service.objective.model_copy(update=objective)})))
    assert before.keys() == after.keys()
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {
        ("ConfigMap", "objective-sentiment"),
        ("ConfigMap", "dashboards-service-sentiment"),
        ("ConfigMap", "dashboards-release-sentiment"),
    }
    files = [each["ConfigMap", "objective-sentiment"]["data"] for each in (before, after)]
    different = {name for name in files[0] if files[0][name] != files[1][name]}
    assert {"rules.yaml", "tests.sha256", "canary.json"} <= different


def test_a_service_that_comes_is_mounted_and_not_looked_for() -> None:
    """Prometheus finds its pods without a change; its rules are one file more."""
    (service,) = LOCAL.services
    two = (service, service.model_copy(update={"name": "toxicity"}))
    before, after = (_objects(_declare(each)) for each in (LOCAL, LOCAL.model_copy(update={"services": two})))
    assert before["ConfigMap", "prometheus"] == after["ConfigMap", "prometheus"]
    pod = after["StatefulSet", "prometheus"]["spec"]["template"]["spec"]
    (sources,) = [volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume]
    assert {source["configMap"]["name"] for source in sources} == {
        "prometheus",
        "objective-sentiment",
        "objective-toxicity",
        "platform-rules",
    }


def test_every_rule_file_is_where_prometheus_looks() -> None:
    """What is mounted is a key of its config map, in the folder that the configuration names."""
    objects = _objects(_declare())
    pod = objects["StatefulSet", "prometheus"]["spec"]["template"]["spec"]
    (sources,) = [volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume]
    for source in sources:
        config_map = source["configMap"]
        (item,) = config_map["items"]
        assert item["key"] in objects["ConfigMap", config_map["name"]]["data"]
        if config_map["name"] != "prometheus":
            assert f"/etc/prometheus/{item['path']}".startswith(f"{discovery.RULES_FOLDER}/")
            assert item["path"].endswith(".yaml")


def test_grafana_is_there_where_it_has_an_image() -> None:
    """Where none can be had, the dashboards are there all the same, for whoever brings a Grafana."""
    without, with_it = _objects(_declare()), _objects(_declare(grafana=True))
    assert ("Deployment", "grafana") not in without
    assert ("Deployment", "grafana") in with_it
    boards = {name: each["data"] for (_, name), each in without.items() if name.startswith("dashboards-")}
    assert len(boards) == 4
    for name, files in boards.items():
        ((file, text),) = files.items()
        assert file == f"{name.removeprefix('dashboards-')}.json"
        assert json.loads(text)["title"]


def test_alerts_are_logged_where_a_receiver_says_so() -> None:
    """Elsewhere there is no such pod."""
    assert ("Deployment", "alert-log") in _objects(_declare())
    webhook = settings.WebhookReceiver(name="people", kind="webhook", url="https://alarm.example.com")
    told = LOCAL.monitoring.model_copy(
        update={"receivers": (webhook,), "default_receiver": "people", "dead_mans_switch": None}
    )
    assert ("Deployment", "alert-log") not in _objects(_declare(LOCAL.model_copy(update={"monitoring": told})))


@pytest.mark.parametrize("stack", ON_AWS)
def test_no_config_map_outgrows_what_kubernetes_takes(stack: str) -> None:
    """Each is well below the bound of an object."""
    sizes = {
        each.name: len(json.dumps(each.inputs.get("data", {})))
        for each in declare(stack)
        if each.type.endswith(":ConfigMap")
    }
    assert sizes
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES // 2} == {}


def _asked(spec: Mapping[str, Any], nodes: int) -> tuple[int, int, int]:
    """Pods, thousandths of a CPU and MiB of memory that a workload asks for between rollouts."""
    pods = int(spec.get("replicas", nodes))
    requests = [each["resources"]["requests"] for each in spec["template"]["spec"]["containers"]]
    cpu = sum(quantities.millis(each["cpu"]) for each in requests)
    memory = sum(quantities.mebibytes(each["memory"]) for each in requests)
    return pods, pods * cpu, pods * memory


@pytest.mark.parametrize("stack", ON_AWS)
def test_the_quota_has_room_for_all_pods(stack: str) -> None:
    """All pods of monitoring fit, on as many nodes as there may be, and one more of what is rolled out."""
    wanted = settings.read(stack, ROOT)
    assert isinstance(wanted.cluster, settings.EksCluster)
    nodes = wanted.cluster.system_nodes.max + sum(pool.nodes.max for pool in wanted.pools if pool.nodes)
    objects = [each for each in declare(stack) if each.type.endswith(tuple(f":{kind}" for kind in WORKLOADS))]
    specs = [
        each.inputs["spec"] for each in objects if each.inputs["metadata"]["namespace"] == naming.MONITORING_NAMESPACE
    ]
    assert len(specs) > 5
    pods, cpu, memory = map(sum, zip(*(_asked(spec, nodes) for spec in specs), strict=True))
    allowed = demand(wanted)
    assert allowed.pods > pods
    assert allowed.cpu_millis > cpu
    assert allowed.memory_mib > memory
    # The quota is a bound, and not twice what is needed.
    assert allowed.cpu_millis < 2 * cpu
