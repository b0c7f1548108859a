"""The node exporter sees a node from within an ordinary pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.kubernetes.monitoring.node_exporter import NODE_DISK, declare_node_exporter, flags
from tests.infra.monitoring.parts import PINNED, broken_rules, declared_by, one, pod_of

if TYPE_CHECKING:
    from tests.infra.recorder import Declared


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    """As on any cluster."""
    return declared_by(lambda scope: declare_node_exporter(scope, image=PINNED))


def test_it_has_nothing_of_the_node(declared: list[Declared]) -> None:
    """No folder, no namespace, no port of the node, no user of rank, no token."""
    pod = pod_of(declared, "node-exporter")
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert not any("hostPort" in port for port in container["ports"])


def test_it_keeps_all_rules(declared: list[Declared]) -> None:
    """Without an exemption, as the first agent on nodes that needs none."""
    assert broken_rules(declared) == []


def test_the_nodes_disk_is_seen_through_a_folder_on_it(declared: list[Declared]) -> None:
    """The folder that the kubelet makes lies on the disk whose filling evicts pods, and it alone is measured."""
    pod = pod_of(declared, "node-exporter")
    (volume,) = pod["volumes"]
    # On the disk, not in memory.
    assert "medium" not in volume["emptyDir"]
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert (mount["name"], mount["mountPath"], mount["readOnly"]) == (volume["name"], NODE_DISK, True)
    assert f"--collector.filesystem.mount-points-include=^{NODE_DISK}$" in flags()


def test_it_runs_on_gpu_nodes_too(declared: list[Declared]) -> None:
    """It tolerates the taint of GPU nodes, and chooses no nodes."""
    pod = pod_of(declared, "node-exporter")
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert not {"nodeSelector", "affinity"} & pod.keys()


def test_collectors_are_on_by_name() -> None:
    """What no rule and no panel asks for is not measured."""
    assert "--collector.disable-defaults" in flags()
    on = {each.removeprefix("--collector.") for each in flags() if each.startswith("--collector.") and "=" not in each}
    assert on == {"cpu", "diskstats", "disable-defaults", "filesystem", "loadavg", "meminfo", "pressure"}


def test_prometheus_alone_reads_it(declared: list[Declared]) -> None:
    """Nothing goes out, and nothing but its metrics is asked for."""
    spec = one(declared, ":NetworkPolicy", "node-exporter-traffic")["spec"]
    assert spec["policyTypes"] == ["Ingress"]
    (rule,) = spec["ingress"]
    assert [each["port"] for each in rule["ports"]] == [9100]
