"""What runs of the cluster, and how much memory it takes."""

import time
from dataclasses import dataclass
from typing import Any

import psutil

from local import cgroups, record
from local.paths import Paths
from local.supervisor import ProcessInfo, Supervisor

MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class ComponentStatus:
    """One component: its state, process id (0 if none), seconds that it has run, and resident memory in MiB."""

    name: str
    state: str
    pid: int
    seconds: int
    memory_mib: float


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """The whole cluster.

    Attributes:
        state: `up`, `down`, or `partial` (some run, or `up` was cut off).
        components: the supervised processes.
        memory_mib: resident memory of all processes of the cluster: components, supervisord and containers' shims.
        pods_memory_mib: resident memory of what runs inside containers.
        cluster: the content of cluster.json, or None.
    """

    state: str
    components: tuple[ComponentStatus, ...]
    memory_mib: float
    pods_memory_mib: float
    cluster: dict[str, Any] | None


def read(paths: Paths) -> ClusterStatus:
    """Return the state of this checkout's cluster as of now."""
    supervisor = Supervisor(paths)
    infos = supervisor.processes().values() if supervisor.running() else ()
    now = time.time()
    components = tuple(_component(info, now) for info in infos)
    cluster = record.read(paths)
    if cluster and components and all(one.state == "RUNNING" for one in components):
        state = "up"
    elif components or cluster or paths.state.exists():
        state = "partial"
    else:
        state = "down"
    own, pods = cgroups.processes_by_place() if components else (set[int](), set[int]())
    return ClusterStatus(
        state=state,
        components=components,
        memory_mib=round(sum(map(_memory_mib, own)), 1),
        pods_memory_mib=round(sum(map(_memory_mib, pods)), 1),
        cluster=cluster,
    )


def _component(info: ProcessInfo, now: float) -> ComponentStatus:
    return ComponentStatus(
        name=info.name,
        state=info.state,
        pid=info.pid,
        seconds=int(now - info.started) if info.pid else 0,
        memory_mib=round(_memory_mib(info.pid), 1) if info.pid else 0.0,
    )


def _memory_mib(pid: int) -> float:
    try:
        return psutil.Process(pid).memory_info().rss / MEBIBYTE
    except psutil.Error:
        return 0.0
