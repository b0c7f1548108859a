"""The collector takes spans of those who have any, and passes them on or keeps a bounded number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra import naming
from infra.kubernetes.monitoring.collector import configuration, declare_collector
from infra.quantities import mebibytes
from infra.settings import Traces
from tests.infra.monitoring.parts import PINNED, broken_rules, declared_by, one, pod_of

if TYPE_CHECKING:
    from tests.infra.recorder import Declared

ENDPOINT = "otlp.example.com:4317"


def _declared(endpoint: str | None, *, replicas: int = 1) -> list[Declared]:
    traces = Traces(endpoint=endpoint)
    return declared_by(
        lambda scope: declare_collector(scope, image=PINNED, traces=traces, replicas=replicas, pool="system")
    )


@pytest.fixture(scope="module")
def with_a_file() -> list[Declared]:
    """Without an endpoint."""
    return _declared(None)


def test_spans_go_to_the_endpoint_or_into_a_file() -> None:
    """One exporter: that of the endpoint, over TLS, where one is named."""
    (pipeline,) = configuration(ENDPOINT)["service"]["pipelines"].values()
    exporter = configuration(ENDPOINT)["exporters"]
    assert pipeline["exporters"] == list(exporter) == ["otlp"]
    assert exporter["otlp"]["endpoint"] == ENDPOINT
    assert "tls" not in exporter["otlp"]
    (pipeline,) = configuration(None)["service"]["pipelines"].values()
    assert pipeline["exporters"] == ["file"]


def test_memory_is_bounded_before_anything_else() -> None:
    """The limiter is the first processor, and batching the last."""
    (pipeline,) = configuration(None)["service"]["pipelines"].values()
    assert pipeline["processors"] == ["memory_limiter", "batch"]


def test_every_part_is_used_and_every_used_part_is_there() -> None:
    """The collector ends at its start where a pipeline names what is not configured."""
    for endpoint in (None, ENDPOINT):
        whole = configuration(endpoint)
        (pipeline,) = whole["service"]["pipelines"].values()
        for kind in ("receivers", "processors", "exporters"):
            assert pipeline[kind] == list(whole[kind])
        assert whole["service"]["extensions"] == list(whole["extensions"])


def test_files_never_fill_the_volume(with_a_file: list[Declared]) -> None:
    """All files of the rotation fit into the folder, whose limit would get the pod evicted."""
    pod = pod_of(with_a_file, "collector")
    (volume,) = (each for each in pod["volumes"] if each["name"] == "traces")
    exporter = configuration(None)["exporters"]["file"]
    (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "traces")
    assert exporter["path"].startswith(f"{mount['mountPath']}/")
    rotation = exporter["rotation"]
    assert rotation["max_megabytes"] * (rotation["max_backups"] + 1) < mebibytes(volume["emptyDir"]["sizeLimit"])


def test_ports_are_those_of_the_configuration(with_a_file: list[Declared]) -> None:
    """What the container names, the Service and the probes is what the collector listens on."""
    container = pod_of(with_a_file, "collector")["containers"][0]
    ports = {each["name"]: int(each["containerPort"]) for each in container["ports"]}
    whole: dict[str, Any] = yaml.safe_load(one(with_a_file, ":ConfigMap", "collector")["data"]["collector.yaml"])
    assert whole == configuration(None)
    assert whole["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] == f"0.0.0.0:{ports['otlp']}"
    assert whole["extensions"]["health_check"]["endpoint"] == f"0.0.0.0:{ports['health']}"
    (reader,) = whole["service"]["telemetry"]["metrics"]["readers"]
    assert reader["pull"]["exporter"]["prometheus"]["port"] == ports["metrics"]
    (port,) = one(with_a_file, ":Service", "collector")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (4317, "otlp")


def test_who_may_send_and_where_it_goes() -> None:
    """Serving pods and Envoy send; out is the port of the endpoint, and nothing where there is none."""
    policy = one(_declared(ENDPOINT.replace("4317", "443")), ":NetworkPolicy", "collector-traffic")["spec"]
    spans = next(rule for rule in policy["ingress"] if rule["ports"][0]["port"] == 4317)
    senders = {each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in spans["from"]}
    assert senders == {naming.SERVICES_NAMESPACE, naming.GATEWAY_NAMESPACE}
    assert all("podSelector" in each for each in spans["from"])
    assert [rule["ports"] for rule in policy["egress"]] == [[{"port": 443}]]
    assert one(_declared(None), ":NetworkPolicy", "collector-traffic")["spec"]["policyTypes"] == ["Ingress"]


def test_another_endpoint_makes_another_pod(with_a_file: list[Declared]) -> None:
    """The collector reads its configuration when it starts: the pod carries a mark of it."""
    marks = {
        one(each, ":Deployment", "collector")["spec"]["template"]["metadata"]["annotations"][
            "inferstack.dev/configuration"
        ]
        for each in (with_a_file, _declared(ENDPOINT), _declared(None))
    }
    assert len(marks) == 2


def test_two_are_spread() -> None:
    """A zone that goes takes one of them."""
    pod = pod_of(_declared(None, replicas=2), "collector")
    assert "topology.kubernetes.io/zone" in [each["topologyKey"] for each in pod["topologySpreadConstraints"]]


@pytest.mark.parametrize("endpoint", [None, ENDPOINT])
def test_it_keeps_all_rules(endpoint: str | None) -> None:
    """It writes to its volume alone, as an unprivileged user without a token."""
    assert broken_rules(_declared(endpoint)) == []
