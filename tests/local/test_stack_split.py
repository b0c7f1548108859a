"""What the real gateway makes of the rules of a release: pods that say who they are stand for slots."""

from __future__ import annotations

import json
import math
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from infra import naming, routing
from infra.kubernetes import split
from infra.kubernetes.gateway import API_VERSION
from infra.settings import CanaryRelease, Slot
from local.paths import Paths
from local.stack import LocalStack
from tests.local.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.api import Json
    from tests.local.conftest import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

NAMESPACE: Final = "split-tests"
SERVICE: Final = "split-tests"
HALF_DEAF: Final = "half-deaf"
RELEASE: Final = CanaryRelease(
    strategy="canary",
    mirror=10,
    stable=Slot(version="0.1.0", replicas=1, weight=80),
    candidate=Slot(version="0.2.0", replicas=1, weight=20),
)
PODS: Final = ("stable", "candidate", routing.BASELINE, routing.SHADOW)
# Answers with the pod's name, and keeps whose requests it got.
_SERVER: Final = f"""
import http.server, json, os

seen = []

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # headers and body in one packet: the second of two would wait for the first's acknowledgement

    def do_GET(self):
        if self.path == "/seen":
            answer = seen
        else:
            seen.append(self.headers.get({routing.USER_BUCKET_HEADER!r}))
            answer = {{"slot": os.environ["SLOT"], "path": self.path}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("", {split.PORT}), Handler).serve_forever()
"""
_DEAF: Final = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.pause()"


@pytest.fixture(scope="module")
def client(cluster: RunningCluster) -> Iterator[httpx.Client]:
    """A client of the gateway, behind which are pods, Services and routes of a canary release at 20 per cent."""
    stack = LocalStack(Paths.of_this_checkout())
    assert stack.update("up", ["--skip-preview", "--suppress-outputs"]) == 0
    outputs = stack.outputs()
    base = outputs["endpoints"]["sentiment"].removesuffix("/sentiment")
    _declare(cluster, outputs["images"]["sentiment:0.1.0"])
    try:
        with httpx.Client(base_url=base, timeout=15) as client:
            wait_for("routes", lambda: _serves_all(client), seconds=60)
            yield client
    finally:
        cluster.api.delete(f"/api/v1/namespaces/{NAMESPACE}")
        wait_for("gone", lambda: not cluster.api.exists(f"/api/v1/namespaces/{NAMESPACE}"), seconds=60)


def _declare(cluster: RunningCluster, image: str) -> None:
    labels = {naming.ENVIRONMENT_LABEL: "local"}  # whose routes the gateway takes
    cluster.api.apply(
        f"/api/v1/namespaces/{NAMESPACE}", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": labels}}
    )
    account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
    wait_for("service account", lambda: cluster.api.exists(account), seconds=20)
    for name in PODS:
        _pod(cluster, name, image, _SERVER, labels={"slot": name, HALF_DEAF: str(name == "stable")})
        _service(cluster, name, {"slot": name})
    # Its endpoint is there, and nobody listens: as a pod that has just gone.
    _pod(cluster, "deaf", image, _DEAF, labels={HALF_DEAF: "True"})
    _service(cluster, HALF_DEAF, {HALF_DEAF: "True"})
    _route(cluster, SERVICE, split.of_release(SERVICE, RELEASE, {name: name for name in PODS}))
    for slot, _ in routing.slots(RELEASE):
        _route(cluster, f"{SERVICE}-{slot}", split.of_testers(SERVICE, slot, slot))
    alone = RELEASE.model_copy(update={"candidate": None})
    _route(cluster, HALF_DEAF, split.of_release(HALF_DEAF, alone, {"stable": HALF_DEAF}))


def _pod(cluster: RunningCluster, name: str, image: str, program: str, *, labels: dict[str, str]) -> None:
    container = {
        "name": "server",
        "image": image,
        "command": ["python3", "-c", program],
        "env": [{"name": "SLOT", "value": name}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": labels}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    cluster.api.apply(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}", {**pod, "spec": spec})


def _service(cluster: RunningCluster, name: str, selector: dict[str, str]) -> None:
    spec = {"selector": selector, "ports": [{"name": "http", "port": split.PORT}]}
    manifest: Json = {"apiVersion": "v1", "kind": "Service", "spec": spec}
    cluster.api.apply(f"/api/v1/namespaces/{NAMESPACE}/services/{name}", manifest)


def _route(cluster: RunningCluster, name: str, rules: list[dict[str, Any]]) -> None:
    spec = {"parentRefs": [{"name": "gateway", "namespace": naming.GATEWAY_NAMESPACE}], "rules": rules}
    manifest: Json = {"apiVersion": API_VERSION, "kind": "HTTPRoute", "spec": spec}
    cluster.api.apply(f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/httproutes/{name}", manifest)


def _serves_all(client: httpx.Client) -> bool:
    answers = [client.get(f"/{HALF_DEAF}/v1/ready")]
    answers += [_get(client, "/v1/ready", {routing.SLOT_HEADER: slot}) for slot, _ in routing.slots(RELEASE)]
    return all(answer.status_code == HTTPStatus.OK for answer in answers)


def _get(client: httpx.Client, path: str, headers: dict[str, str]) -> httpx.Response:
    return client.get(f"/{SERVICE}{path}", headers=headers)


def _slot(client: httpx.Client, headers: dict[str, str]) -> str:
    answer = _get(client, "/v1/predict", headers).raise_for_status().json()
    assert answer["path"] == "/v1/predict"
    return answer["slot"]


def test_each_user_meets_the_slot_of_the_bucket_and_the_last_are_mirrored(
    client: httpx.Client, cluster: RunningCluster
) -> None:
    """All thousand buckets go where the shares say, and the shadow gets a copy of the mirrored ones and of no other."""
    shares = routing.shares(RELEASE)
    expected = {f"{bucket:03}": share.slot for share in shares for bucket in range(share.begin, share.end)}
    met = {bucket: _slot(client, {routing.USER_BUCKET_HEADER: bucket}) for bucket in expected}
    assert met == expected
    copies = {f"{bucket:03}" for share in shares if share.mirrored for bucket in range(share.begin, share.end)}
    shadow = f"/api/v1/namespaces/{NAMESPACE}/pods/{routing.SHADOW}:{split.PORT}/proxy/seen"
    seen = wait_for(
        "copies", lambda: s if len(s := json.loads(cluster.api.text(shadow))) >= len(copies) else None, seconds=10
    )
    assert sorted(seen) == sorted(copies)


@pytest.mark.parametrize("headers", [{}, {routing.USER_BUCKET_HEADER: "1000"}], ids=["none", "ill-formed"])
def test_who_is_no_user_goes_by_weight(client: httpx.Client, headers: dict[str, str]) -> None:
    """Without a bucket the weights decide: a data plane that ignored them would be far outside of these bounds."""
    requests = 600
    met = Counter(_slot(client, headers) for _ in range(requests))
    for backend in routing.backends(RELEASE):
        share = backend.weight / 100
        bound = 5.5 * math.sqrt(requests * share * (1 - share))  # wrong once in ten million runs
        assert abs(met[backend.slot] - requests * share) < bound, met


@pytest.mark.parametrize("slot", [name for name, _ in routing.slots(RELEASE)])
def test_testers_pick_a_slot(client: httpx.Client, slot: str) -> None:
    """The header of testers decides for all paths, whoever the user is."""
    picked = {routing.SLOT_HEADER: slot}
    for bucket in ("000", "250", "999", "none"):
        assert _slot(client, {**picked, routing.USER_BUCKET_HEADER: bucket}) == slot
    assert _slot(client, picked) == slot
    assert _get(client, "/docs", picked).json() == {"slot": slot, "path": "/docs"}


def test_a_pod_that_takes_no_connection_loses_no_request(client: httpx.Client) -> None:
    """Envoy asks another pod where one does not even take the connection."""
    statuses = Counter(client.get(f"/{HALF_DEAF}/v1/predict").status_code for _ in range(50))
    assert statuses == {HTTPStatus.OK: 50}
