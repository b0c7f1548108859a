"""Real pods on the embedded cluster: images, names, Services, GPUs, NodePorts, simulated nodes."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from local import oci
from local.paths import Paths
from local.toolbox import Toolbox
from tests.local.conftest import RunningCluster
from tests.local.registry import push
from tests.local.waiting import wait_for

pytestmark = pytest.mark.cluster
NAMESPACE = "local-tests"
NODE_PORT = 30979
Json = dict[str, Any]


@pytest.fixture(scope="module")
def image(cluster: RunningCluster) -> str:
    """An image with one program, kubectl, which can be a client of the API server and an HTTP server."""
    kubectl = Toolbox(Paths.of_this_checkout().tools).find("kubectl")
    built = oci.build({"kubectl": kubectl}, entrypoint=["/kubectl"])
    return push(built, registry=cluster.registry, repository="tests/kubectl")


@pytest.fixture(scope="module")
def namespace(cluster: RunningCluster) -> Iterator[str]:
    """A namespace for these tests, with its default service account."""
    cluster.api.apply(f"/api/v1/namespaces/{NAMESPACE}", {"apiVersion": "v1", "kind": "Namespace"})
    account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
    wait_for("service account", lambda: cluster.api.exists(account), seconds=20)
    yield NAMESPACE
    cluster.api.delete(f"/api/v1/namespaces/{NAMESPACE}")
    wait_for("namespace gone", lambda: not cluster.api.exists(f"/api/v1/namespaces/{NAMESPACE}"), seconds=60)


def _pod(image: str, command: list[str], **more: Any) -> Json:  # noqa: ANN401 - any field of a pod's spec
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": {"app": "probe"}},
        "spec": {
            "containers": [
                {
                    "name": "probe",
                    "image": image,
                    "command": command,
                    # By name, not by the address that Kubernetes puts here: the name server must answer.
                    "env": [
                        {"name": "KUBERNETES_SERVICE_HOST", "value": "kubernetes.default.svc"},
                        {"name": "KUBERNETES_SERVICE_PORT", "value": "443"},
                    ],
                    "resources": {"limits": {"nvidia.com/gpu": "1", "cpu": "500m", "memory": "200Mi"}},
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65532,
                        "readOnlyRootFilesystem": True,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                }
            ],
            "terminationGracePeriodSeconds": 1,
            **more,
        },
    }


def _phase(cluster: RunningCluster, name: str) -> str:
    return cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")["status"].get("phase", "")


def test_a_pod_from_the_registry_reaches_the_api_by_name(cluster: RunningCluster, image: str, namespace: str) -> None:
    """A locked-down pod with a GPU runs a local image and finds the API server by its name and Service."""
    path = f"/api/v1/namespaces/{namespace}/pods/client"
    cluster.api.apply(path, _pod(image, ["/kubectl", "get", "--raw", "/version"], restartPolicy="Never"))
    phase = wait_for(
        "pod ended", lambda: p if (p := _phase(cluster, "client")) in {"Succeeded", "Failed"} else None, seconds=60
    )
    log = cluster.api.text(f"{path}/log")
    assert phase == "Succeeded", log
    assert '"gitVersion"' in log


def test_a_pod_cannot_reach_what_else_listens_on_this_machine(
    cluster: RunningCluster, image: str, namespace: str
) -> None:
    """Of the machine, a pod reaches the API server and the name server: another server never hears of it."""
    gateway = httpx.URL(json.loads(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]).host
    path = f"/api/v1/namespaces/{namespace}/pods/prober"
    with socket.create_server((gateway, 0)) as server:
        server.settimeout(0)
        address = f"--server=http://{gateway}:{server.getsockname()[1]}"
        command = ["/kubectl", "get", "--raw", "/version", "--request-timeout=5s", address]
        cluster.api.apply(path, _pod(image, command, restartPolicy="Never"))
        phase = wait_for(
            "pod ended", lambda: p if (p := _phase(cluster, "prober")) in {"Succeeded", "Failed"} else None, seconds=60
        )
        assert phase == "Failed"
        assert "refused" in cluster.api.text(f"{path}/log")
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_node_port_answers_on_loopback_only(cluster: RunningCluster, image: str, namespace: str) -> None:
    """What listens in a pod answers on 127.0.0.1 at its NodePort, and at no other address of this machine."""
    command = ["/kubectl", "proxy", "--address=0.0.0.0", "--port=8080", "--accept-hosts=.*"]
    cluster.api.apply(f"/api/v1/namespaces/{namespace}/pods/server", _pod(image, command))
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {
            "type": "NodePort",
            "selector": {"app": "probe"},
            "ports": [{"port": 80, "targetPort": 8080, "nodePort": NODE_PORT}],
        },
    }
    cluster.api.apply(f"/api/v1/namespaces/{namespace}/services/server", service)
    answer = wait_for("answer", lambda: _fetch("127.0.0.1"), seconds=60)
    assert '"gitVersion"' in answer
    others = {
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family.name == "AF_INET" and not address.address.startswith("127.")
    }
    assert {address: _fetch(address) for address in others} == dict.fromkeys(others)


def _fetch(address: str) -> str | None:
    try:
        return httpx.get(f"http://{address}:{NODE_PORT}/version", timeout=1).raise_for_status().text
    except httpx.HTTPError:
        return None


def test_more_gpus_than_the_node_offers_wait(cluster: RunningCluster, image: str, namespace: str) -> None:
    """The scheduler counts the simulated GPUs: a pod that wants more than there are stays pending and says why."""
    pod = _pod(image, ["/kubectl", "version"])
    pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = str(cluster.gpus + 1)
    path = f"/api/v1/namespaces/{namespace}/pods/greedy"
    cluster.api.apply(path, pod)

    def reason() -> str | None:
        conditions = cluster.api.get(path)["status"].get("conditions", [])
        return next((one["message"] for one in conditions if one.get("reason") == "Unschedulable"), None)

    assert "Insufficient nvidia.com/gpu" in wait_for("unschedulable", reason, seconds=20)


def test_simulated_nodes_run_simulated_pods(cluster: RunningCluster, namespace: str) -> None:
    """A node with KWOK's annotation becomes ready beside the real one, and a pod bound to it runs without an image."""
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}, "labels": {"simulated": "yes"}},
    }
    cluster.api.apply("/api/v1/nodes/simulated-0", node)
    try:
        pod = _pod("registry.invalid/none:1", ["none"], nodeSelector={"simulated": "yes"})
        del pod["spec"]["containers"][0]["resources"]
        cluster.api.apply(f"/api/v1/namespaces/{namespace}/pods/simulated", pod)
        wait_for("simulated pod runs", lambda: _phase(cluster, "simulated") == "Running", seconds=30)
    finally:
        cluster.api.delete(f"/api/v1/namespaces/{namespace}/pods/simulated")
        cluster.api.delete("/api/v1/nodes/simulated-0")
