"""A slot of the local stack that is scaled: prometheus-adapter, the autoscaler and Pulumi, all of them real."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local.paths import Paths
from local.stack import LocalStack
from tests.local.conftest import CHECKOUT
from tests.local.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.local.conftest import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

UPDATE = ("--skip-preview", "--suppress-outputs")
SERVICES = "inferstack:services"
# Less than a pod waits for the body of a request (10 s).
_HELD_SECONDS = 5.0
_HEAD = (
    b"POST /v1/predict HTTP/1.1\r\nHost: pod\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\nConnection: close\r\n\r\n{"
)


def _stack(folder: Path, **service: Any) -> LocalStack:  # noqa: ANN401  # keys of a stack file
    document = yaml.safe_load((CHECKOUT / "Pulumi.local.yaml").read_text(encoding="utf-8"))
    document["config"][SERVICES][0] |= {"autoscaling": {"max_replicas": 2, "requests_in_flight": 1}, **service}
    (folder / "Pulumi.local.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return LocalStack(Paths.of_this_checkout(), folder=folder)


def _replicas(cluster: RunningCluster) -> int:
    found = cluster.api.get("/apis/apps/v1/namespaces/inferstack/deployments/sentiment-stable")
    replicas: int = found["spec"]["replicas"]
    return replicas


def _address(cluster: RunningCluster) -> str:
    found = cluster.api.get("/api/v1/namespaces/inferstack/services/sentiment-stable")
    address: str = found["spec"]["clusterIP"]
    return address


@contextlib.contextmanager
def _busy(address: str, *, requests: int) -> Generator[None]:
    """Requests whose bodies never end: a pod answers them all at a time, and computes nothing."""
    done = threading.Event()

    def hold() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError), socket.create_connection((address, 8080), timeout=5) as held:
                held.sendall(_HEAD)
                done.wait(_HELD_SECONDS)

    threads = [threading.Thread(target=hold) for _ in range(requests)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_slot_is_scaled_by_its_load_and_an_update_leaves_it_so(cluster: RunningCluster, tmp_path: Path) -> None:
    """Requests in flight start a second pod, new pods of an update are as many, and without autoscaling one again."""
    try:
        assert _stack(tmp_path).update("up", UPDATE) == 0
        assert _replicas(cluster) == 1
        with _busy(_address(cluster), requests=12):
            wait_for("a second pod", lambda: _replicas(cluster) == 2, seconds=90)
        # What the program changes of the Deployment, it changes without the number of its pods.
        resources = {"cpu": "150m", "cpu_limit": "1", "memory": "1Gi", "gpus": 1}
        assert _stack(tmp_path, resources=resources).update("up", UPDATE) == 0
        assert _replicas(cluster) == 2
    finally:
        # An autoscaler that goes may have set its number once more, before it went.
        for options in (UPDATE, (*UPDATE, "--refresh")):
            assert LocalStack(Paths.of_this_checkout()).update("up", options) == 0
    assert _replicas(cluster) == 1
