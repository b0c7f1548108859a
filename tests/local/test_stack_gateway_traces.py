"""Traces of the local stack from the gateway on, and the gateway without anybody who takes them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from infra import naming, settings
from local import traces
from local.errors import ClusterError
from local.faults.target import Target
from local.faults.traffic import Traffic
from local.paths import Paths
from local.pods import is_ready
from local.stack import LocalStack
from tests.local.conftest import CHECKOUT
from tests.local.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.api import Api, Json
    from tests.local.conftest import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

PATHS: Final = Paths.of_this_checkout()
_COLLECTOR: Final = f"/apis/apps/v1/namespaces/{naming.MONITORING_NAMESPACE}/deployments/collector"
# Envoy sends its spans every five seconds.
_SPAN_SECONDS: Final = 20


@pytest.fixture(scope="module")
def api(cluster: RunningCluster) -> Api:
    """The cluster with the stack applied."""
    assert LocalStack(PATHS).update("up", ["--skip-preview", "--suppress-outputs"]) == 0
    return cluster.api


@pytest.fixture
def url(api: Api) -> str:
    """Where a prediction is asked for."""
    assert api
    return f"{Target.of(settings.read('local', CHECKOUT), PATHS).endpoint}/v1/predict"


def _pods(api: Api, namespace: str, name: str) -> list[Json]:
    labels = f"app.kubernetes.io/name={name}"
    return api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={labels}")["items"]


def _spans(api: Api, trace: str) -> dict[str, traces.Span]:
    """What the collector has of a trace, by name."""
    (pod,) = _pods(api, naming.MONITORING_NAMESPACE, "collector")
    try:
        return {span.name: span for span in traces.read(traces.files(PATHS, pod), trace)}
    except ClusterError:
        return {}


def test_a_trace_runs_from_the_gateway_to_the_run(api: Api, url: str) -> None:
    """The caller's trace goes on through Envoy into the pod: each part is below the one that it was done for."""
    trace, caller = secrets.token_hex(16), secrets.token_hex(8)
    answer = httpx.post(
        url, json={"inputs": ["a wonderful film"]}, headers={"traceparent": f"00-{trace}-{caller}-01"}, timeout=15
    )
    assert answer.status_code == 200

    def whole() -> dict[str, traces.Span]:
        spans = _spans(api, trace)
        return spans if {"ingress", "POST /v1/predict", "run"} <= spans.keys() else {}

    spans = wait_for("a whole trace", whole, seconds=_SPAN_SECONDS)
    by_identity = {span.identity: span for span in spans.values()}
    way = [spans["run"]]
    while way[-1].parent in by_identity:
        way.append(by_identity[way[-1].parent])
    assert way[-1].parent == caller
    assert [(span.service, span.name) for span in way[::-1] if span.name != "batch"] == [
        ("gateway", "ingress"),
        ("gateway", "router inferstack_sentiment-stable_8080 egress"),
        ("sentiment", "POST /v1/predict"),
        ("sentiment", "run"),
    ]
    assert str(spans["ingress"].attributes["podName"]).startswith("envoy-")


@pytest.fixture
def without_collector(api: Api) -> Iterator[None]:
    """Nobody takes spans; the Service stays, and leads nowhere."""
    api.merge(_COLLECTOR, {"spec": {"replicas": 0}})
    wait_for("no collector", lambda: not _pods(api, naming.MONITORING_NAMESPACE, "collector"), seconds=60)
    yield
    api.merge(_COLLECTOR, {"spec": {"replicas": 1}})
    wait_for(
        "a collector", lambda: any(map(is_ready, _pods(api, naming.MONITORING_NAMESPACE, "collector"))), seconds=60
    )


@pytest.mark.usefixtures("without_collector")
def test_the_gateway_serves_while_the_collector_is_away(api: Api, url: str) -> None:
    """Not one request fails, neither while Contour nor while Envoy is made anew meanwhile."""
    with Traffic(url) as traffic:
        wait_for("answers", lambda: traffic.statuses[200] > 50, seconds=30)
        # Contour first: what it starts without, the new Envoy gets from it.
        for name in ("contour", "envoy"):
            _make_anew(api, name)
        before = traffic.statuses[200]
        wait_for("answers by the new ones", lambda: traffic.statuses[200] > before + 50, seconds=30)
    assert set(traffic.statuses) == {200}


def _make_anew(api: Api, name: str) -> None:
    """As `kubectl rollout restart`: the new pod comes before the old one goes."""
    (old,) = _pods(api, naming.GATEWAY_NAMESPACE, name)
    template = {"metadata": {"annotations": {f"{naming.DOMAIN}/restarted": secrets.token_hex(4)}}}
    api.merge(
        f"/apis/apps/v1/namespaces/{naming.GATEWAY_NAMESPACE}/deployments/{name}", {"spec": {"template": template}}
    )

    def renewed() -> bool:
        pods = _pods(api, naming.GATEWAY_NAMESPACE, name)
        return len(pods) == 1 and is_ready(pods[0]) and pods[0]["metadata"]["uid"] != old["metadata"]["uid"]

    wait_for(f"another {name}", renewed, seconds=120)
