"""What scraping and tracing cost a serving pod: its throughput without them over its throughput with them.

Two pods like one of the local stack take turns: one is found by Prometheus and sends spans to the collector, the other
is neither. Each turn is a closed loop of more clients than the pod can satisfy, straight to its address on this
machine, so that nothing but its CPU holds it back. What is compared is therefore requests for each CPU second of the
pod: requests a second would also tell what else the machine did meanwhile, and are in the note.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import secrets
import shutil
import statistics
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import targets
from bench.measure import ROOT, MeasurementError, run_json
from bench.targets import Measured

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_NAMESPACE = "inferstack"
_SERVING = "inferstack.dev/service,inferstack.dev/slot"
_PORT = 8080
_CLIENTS = 8
_TURN_SECONDS = 4.0
_READY_SECONDS = 120
# How often two new pods are compared, for a sampling in per cent: that of the stacks on AWS, which has the target, and
# the most there is. Two processes of one program differ by some per cent for as long as they live: one of each says
# little.
_PODS = {5: 4, 100: 2}
_PAIRS = 4
_BODY = json.dumps({"inputs": ["a wonderful film that I would see again"]})


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """What one turn of a pod gave: requests a second, and CPU seconds of the pod for each request."""

    rate: float
    cpu: float


def telemetry() -> Iterator[Measured]:
    """For the sampling of prod, which has the target, and for every request, as a remark."""
    like = _pods(_SERVING)
    if not like:
        raise MeasurementError("no serving pod runs: run `make up` first")
    usual, most = (_compare(like[0], sampling, pods) for sampling, pods in _PODS.items())
    note = f"{usual}. {most.ratio:.3f} x with {most}"
    yield Measured(target=targets.TELEMETRY, value=usual.ratio, note=note)


class _Comparison:
    """Turns in pairs: first without, then with."""

    def __init__(self, sampling: int, pairs: list[tuple[_Turn, _Turn]]) -> None:
        ratios = [with_.cpu / without.cpu for without, with_ in pairs]
        self.ratio = statistics.median(ratios)
        low, _, high = statistics.quantiles(ratios, n=4)
        rates = [statistics.median(pair[index].rate for pair in pairs) for index in (0, 1)]
        cpu = [1000 * statistics.median(pair[index].cpu for pair in pairs) for index in (0, 1)]
        self._text = (
            f"{sampling} % traced: {cpu[0]:.2f} and {cpu[1]:.2f} ms of CPU for each request, {rates[0]:.0f} and "
            f"{rates[1]:.0f} requests/s; median of {len(pairs)} pairs, half of them from {low:.3f} to {high:.3f} x"
        )

    def __str__(self) -> str:
        return self._text


def _compare(like: dict[str, Any], sampling: int, pods: int) -> _Comparison:
    return _Comparison(sampling, [pair for _ in range(pods) for pair in _pairs(like, sampling)])


def _pairs(like: dict[str, Any], sampling: int) -> list[tuple[_Turn, _Turn]]:
    """Turns of two new pods: without and with."""
    with _pod(like, "bench-without", None) as without, _pod(like, "bench-with", sampling) as with_:
        for address in (without, with_):
            _turn(address, sampling)  # the first seconds of a pod are slower
        pairs = list[tuple[_Turn, _Turn]]()
        for index in range(_PAIRS):
            if index % 2:
                later = _turn(with_, sampling)
                pairs.append((_turn(without, sampling), later))
            else:
                pairs.append((_turn(without, sampling), _turn(with_, sampling)))
    return pairs


def _headers(number: int, sampling: int) -> dict[str, str]:
    """As the gateway sends them: it decides which requests are traced, and says so to the pod."""
    sampled = number * sampling // 100 != (number + 1) * sampling // 100
    traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{sampled:02x}"
    return {"Content-Type": "application/json", "traceparent": traceparent}


def _turn(address: str, sampling: int) -> _Turn:
    """Keep every client busy for some seconds."""
    end = time.monotonic() + _TURN_SECONDS
    counts = [0] * _CLIENTS

    def ask(client: int) -> None:
        connection = http.client.HTTPConnection(address, _PORT, timeout=10)
        for number in itertools.count():
            if time.monotonic() > end:
                break
            connection.request("POST", "/v1/predict", _BODY, _headers(number, sampling))
            answer = connection.getresponse()
            answer.read()
            counts[client] += answer.status == http.HTTPStatus.OK
        connection.close()

    before, started = _cpu_seconds(address), time.monotonic()
    threads = [threading.Thread(target=ask, args=(client,)) for client in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.monotonic() - started, _cpu_seconds(address) - before
    answers = sum(counts)
    if not answers:
        raise MeasurementError(f"the pod at {address} answered no request")
    return _Turn(rate=answers / took, cpu=cpu / answers)


def _cpu_seconds(address: str) -> float:
    connection = http.client.HTTPConnection(address, _PORT, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("process_cpu_seconds_total "))


@contextmanager
def _pod(like: dict[str, Any], name: str, sampling: int | None) -> Generator[str]:
    """A serving pod of its own, that no Service sends requests to; yields its address once it is ready.

    Args:
        like: the pod that it is made like.
        name: of the pod.
        sampling: per cent of the requests that it traces; None: it traces none, and Prometheus does not find it.
    """
    _kubectl("apply", "--filename", "-", stdin=json.dumps(_manifest(like, name, sampling)))
    try:
        _kubectl("wait", f"pod/{name}", "--for=condition=Ready", f"--timeout={_READY_SECONDS}s")
        yield str(json.loads(_kubectl("get", f"pod/{name}", "--output=json"))["status"]["podIP"])
    finally:
        _kubectl("delete", f"pod/{name}", "--grace-period=1", "--ignore-not-found")


def _manifest(like: dict[str, Any], name: str, sampling: int | None) -> dict[str, Any]:
    spec: dict[str, Any] = like["spec"]
    (container,) = spec["containers"]
    resources = {**container["resources"], "requests": {**container["resources"]["requests"], "cpu": "100m"}}
    of_traces = ("SERVING_OTLP_ENDPOINT", "SERVING_TRACE_SAMPLING")
    environment = [each for each in container["env"] if sampling is not None or each["name"] not in of_traces]
    for variable in environment:
        if variable["name"] == "SERVING_TRACE_SAMPLING":
            variable["value"] = str(sampling)
    # Found by Prometheus or not. In a slot of its own, so that it is in no rotation and no alert counts it.
    labels = {"inferstack.dev/service": "bench", "inferstack.dev/slot": "stable"} if sampling is not None else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "bench", **labels}},
        "spec": {
            "automountServiceAccountToken": False,
            "nodeSelector": spec.get("nodeSelector", {}),
            "securityContext": spec["securityContext"],
            "volumes": [volume for volume in spec["volumes"] if "emptyDir" in volume],
            "containers": [
                {
                    **{key: container[key] for key in ("name", "image", "ports", "readinessProbe", "securityContext")},
                    "env": environment,
                    "resources": resources,
                    "volumeMounts": [each for each in container["volumeMounts"] if each["name"] == "tmp"],
                }
            ],
        },
    }


def _pods(selector: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_kubectl("get", "pods", "--selector", selector, "--output=json"))["items"]
    return found


def _kubectl(*arguments: str, stdin: str | None = None) -> str:
    status = run_json("local", "status", "--json")
    path = f"{ROOT / '.tools/bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [shutil.which("kubectl", path=path) or "kubectl", "--namespace", _NAMESPACE, *arguments]
    environment = {**os.environ, "KUBECONFIG": status["cluster"]["kubeconfig"]}
    answer = subprocess.run(
        command, input=stdin, env=environment, capture_output=True, text=True, check=False, timeout=2 * _READY_SECONDS
    )
    if answer.returncode:
        raise MeasurementError(f"`kubectl {' '.join(arguments)}` failed: {answer.stderr.strip()}")
    return answer.stdout
