"""The gateway sends spans to the collector where the stack traces, and to nobody where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from infra import naming
from infra.kubernetes import definitions
from infra.kubernetes.contour_tracing import Tracing
from infra.kubernetes.gateway import Gateway, GatewayArgs
from tests.infra.monitoring.parts import PINNED, one, pod_of
from tests.infra.recorder import record, write_definitions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.recorder import Declared

MARK: Final = "inferstack.dev/configuration"


def _declared(folder: Path, sampling: int | None) -> list[Declared]:
    write_definitions(folder)
    tracing = Tracing(namespace=naming.MONITORING_NAMESPACE, sampling=sampling) if sampling else None

    def program() -> None:
        Gateway(
            "gateway",
            GatewayArgs(
                environment="prod",
                contour_image=PINNED,
                envoy_image=PINNED,
                node_port=30080,
                crds=folder,
                tracing=tracing,
            ),
        )

    return record(program)


def _configuration(declared: list[Declared]) -> dict[str, Any]:
    return yaml.safe_load(one(declared, ":ConfigMap", "contour")["data"]["contour.yaml"])


def test_contour_is_told_of_the_collector(tmp_path: Path) -> None:
    """The sampling of the stack, as the text that Contour wants, and an ExtensionService that it finds."""
    declared = _declared(tmp_path, 5)
    tracing = _configuration(declared)["tracing"]
    assert tracing["overallSampling"] == "5"
    extension = one(declared, ":ExtensionService", "collector-for-envoy")
    metadata = extension["metadata"]
    assert tracing["extensionService"] == f"{metadata['namespace']}/{metadata['name']}"
    # Contour looks for Services beside the ExtensionService alone.
    assert metadata["namespace"] == naming.MONITORING_NAMESPACE
    assert extension["spec"]["services"] == [{"name": "collector", "port": 4317}]
    assert extension["spec"]["protocol"] == "h2c"


def test_contour_watches_extension_services(tmp_path: Path) -> None:
    """Their kind is defined with its fields, watched, and in Contour's rights."""
    assert "extensionservices" in definitions.NEEDED
    assert "extensionservices" not in definitions.DISABLED_FEATURES
    write_definitions(tmp_path)
    crds = tmp_path / "crds.yaml"
    crds.write_text(crds.read_text().replace("extensionservices.example.org", "extensionservices.projectcontour.io"))
    read = {each["metadata"]["name"]: each["spec"]["versions"][0] for each in definitions.read(tmp_path)}
    assert "x-kubernetes-preserve-unknown-fields" not in str(read["extensionservices.projectcontour.io"])
    rights = one(_declared(tmp_path, 5), ":ClusterRole", "contour")["rules"]
    verbs = {(resource, verb) for rule in rights for resource in rule["resources"] for verb in rule["verbs"]}
    assert {("extensionservices", "watch"), ("extensionservices/status", "update")} <= verbs


@pytest.mark.parametrize("sampling", [None, 5])
def test_envoy_may_reach_the_collector_where_it_traces(sampling: int | None, tmp_path: Path) -> None:
    """Without traces nothing of monitoring is open to it."""
    declared = _declared(tmp_path, sampling)
    egress = one(declared, ":NetworkPolicy", "envoy-traffic")["spec"]["egress"]
    assert [rule["ports"] for rule in egress].count([{"port": 4317}]) == (1 if sampling else 0)
    assert ("tracing" in _configuration(declared)) == bool(sampling)
    assert any(each.type.endswith(":ExtensionService") for each in declared) == bool(sampling)


def test_another_sampling_makes_another_pod(tmp_path: Path) -> None:
    """Contour reads its configuration when it starts."""
    marks = [
        one(_declared(tmp_path, sampling), ":Deployment", "contour")["spec"]["template"]["metadata"]["annotations"][
            MARK
        ]
        for sampling in (5, 100, 5)
    ]
    assert marks[0] == marks[2] != marks[1]


@pytest.mark.parametrize("sampling", [-1, 0, 101])
def test_no_traces_are_no_tracing(sampling: int) -> None:
    """Contour takes 0 per cent for 100."""
    with pytest.raises(ValueError, match=f"sampling is {sampling}; allowed: 1 to 100"):
        Tracing(namespace="monitoring", sampling=sampling)


def test_envoy_knows_its_pods_name(tmp_path: Path) -> None:
    """Spans carry the pod, which Envoy reads from the variables that Contour's tags name."""
    declared = _declared(tmp_path, 5)
    assert _configuration(declared)["tracing"]["includePodDetail"] is True
    envoy = next(each for each in pod_of(declared, "envoy")["containers"] if each["name"] == "envoy")
    assert "CONTOUR_NAMESPACE" in {each["name"] for each in envoy["env"]}
