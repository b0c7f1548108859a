"""``latency``: the slot's pods get less CPU than the requests need, as beside a greedy neighbour or after a wrong edit.

The container is resized in place, so it goes on serving: its requests wait for each other, each takes a second or so,
and its probes still pass. How much CPU the requests need is measured: it differs between machines by a factor of five.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from local.errors import ClusterError
from local.faults.fault import FAST_BURN, Fault
from local.faults.target import MARK, PODS, PORT, marked, pods

if TYPE_CHECKING:
    from local.api import Api, Json
    from local.faults.target import Target

KIND = "latency"
# A graph that is busy takes more texts in a run: three fifths would nearly do. The alert counts what is answered, so
# that it should not be too little either.
_SHARE = 0.45
_MEASURED_SECONDS = 4.0
# Linux gives no smaller share of a CPU: one millisecond of each tenth of a second.
_LEAST_MILLIS = 10
_CPU_SECONDS = "process_cpu_seconds_total "
_BEFORE = f"{MARK}-before"


def _begin(api: Api, target: Target) -> str:
    paths = {f"{PODS}/{pod['metadata']['name']}": pod for pod in pods(api, target)}
    before = {path: _cpu_seconds(api, path) for path in paths}
    time.sleep(_MEASURED_SECONDS)
    limits = list[str]()
    for path, pod in paths.items():
        used = (_cpu_seconds(api, path) - before[path]) / _MEASURED_SECONDS
        limit = f"{max(_LEAST_MILLIS, round(1000 * used * _SHARE))}m"
        (container,) = pod["spec"]["containers"]
        now = {kind: container["resources"][kind]["cpu"] for kind in ("requests", "limits")}
        # First, so that whatever happens next can be undone.
        _annotate(api, path, {MARK: KIND, _BEFORE: json.dumps(now)})
        _resize(api, path, container["name"], {"requests": f"{_LEAST_MILLIS}m", "limits": limit})
        limits.append(limit)
    return f"the pods of {target.name} are held to {', '.join(limits)} of CPU, {_SHARE:.0%} of what they used"


def _cpu_seconds(api: Api, path: str) -> float:
    for line in api.text(f"{path}:{PORT}/proxy/metrics").splitlines():
        if line.startswith(_CPU_SECONDS):
            return float(line.removeprefix(_CPU_SECONDS))
    raise ClusterError(f"the pod {path.rpartition('/')[2]} does not say how much CPU it uses: see its /metrics")


def _undo(api: Api) -> list[str]:
    done = list[str]()
    for pod in marked(api.get(PODS)["items"], KIND):
        name = pod["metadata"]["name"]
        before: dict[str, str] = json.loads(pod["metadata"]["annotations"][_BEFORE])
        (container,) = pod["spec"]["containers"]
        _resize(api, f"{PODS}/{name}", container["name"], before)
        _annotate(api, f"{PODS}/{name}", {MARK: None, _BEFORE: None})
        done.append(f"the pod {name} has its CPU again, {before['limits']}")
    return done


def _resize(api: Api, path: str, container: str, cpu: dict[str, str]) -> None:
    resources = {kind: {"cpu": amount} for kind, amount in cpu.items()}
    api.merge(f"{path}/resize", {"spec": {"containers": [{"name": container, "resources": resources}]}})


def _annotate(api: Api, path: str, annotations: Json) -> None:
    api.merge(path, {"metadata": {"annotations": annotations}})


FAULT = Fault(
    kind=KIND,
    meaning="the pods get less CPU than the requests need",
    alert="LatencyBudgetBurn",
    labels=FAST_BURN,
    begin=_begin,
    undo=_undo,
)
