"""The dashboard of the node pools: whether nodes are there and well, and what of them is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra import naming
from infra.dashboards import panels
from infra.dashboards.board import Row, Variable, dashboard
from infra.dashboards.gpus import gpus
from infra.dashboards.panels import Limit, Query, Reading, graph, number

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

UID = "pools"
# How kube-state-metrics spells the label of a node, and the resource of a GPU.
POOL = "label_" + naming.POOL_LABEL.replace(".", "_").replace("/", "_")
_GPUS = naming.GPU_RESOURCE.replace(".", "_").replace("/", "_")
_MOST_USED = 0.85


def pool_dashboard(*, gpus_absent: str | None) -> dict[str, Any]:
    """Grafana's JSON of the pools' dashboard.

    Args:
        gpus_absent: why the stack's GPUs have no metrics; None where they have.
    """
    return dashboard(
        uid=UID,
        title="Pools",
        says="Are the nodes of each pool there and well, and is there room on them for the next release?",
        variables=[Variable(name="pool", metric="kube_node_labels", label=POOL)],
        rows=[
            Row(title="Nodes", panels=[_nodes(), _waiting(), _pressure()]),
            Row(title="What is taken", panels=[_gpus_taken(), _asked_for("cpu"), _asked_for("memory")]),
            Row(title="How busy the nodes are", panels=[_cpu(), _memory(), _disk(), _pressure_stall()]),
            Row(title="GPUs", panels=gpus('node!=""', legend="{{node}} GPU {{gpu}}", absent=gpus_absent)),
        ],
    )


def _of_pools(series: str) -> str:
    """The series of nodes, with the pool of each, as far as the reader chose the pool."""
    return f'{series} * on (node) group_left ({POOL}) kube_node_labels{{{POOL}=~"$pool"}}'


def _each_pool(series: str) -> str:
    return f"sum by ({POOL}) ({_of_pools(series)})"


_LEGEND = f"{{{{{POOL}}}}}"


def _nodes() -> Panel:
    condition = 'kube_node_status_condition{condition="Ready",status="true"}'
    return graph(
        "Nodes",
        [
            Query(expr=_each_pool(condition), legend=f"ready, {_LEGEND}"),
            Query(expr=f'count by ({POOL}) (kube_node_labels{{{POOL}=~"$pool"}})', legend=f"there, {_LEGEND}"),
        ],
        Reading(says="Nodes that joined the cluster, and those that take pods.", unit=panels.COUNT),
    )


def _waiting() -> Panel:
    return number(
        "Pods without a node",
        [Query(expr="sum(kube_pod_status_unschedulable) or vector(0)", legend="pods")],
        Reading(says="Pods that fit on no node. The alert PodUnschedulable tells after a while.", unit=panels.COUNT),
        limit=Limit(value=1, good="below", name="a single such pod"),
    )


def _pressure() -> Panel:
    condition = 'kube_node_status_condition{condition=~"MemoryPressure|DiskPressure|PIDPressure",status="true"}'
    return number(
        "Nodes under pressure",
        [Query(expr=f"sum by (condition) ({condition})", legend="{{condition}}")],
        Reading(says="Nodes that run out of memory, disk or processes, and begin to evict pods.", unit=panels.COUNT),
        limit=Limit(value=1, good="below", name="a single such node"),
    )


def _gpus_taken() -> Panel:
    requested = f'sum by (node) (kube_pod_container_resource_requests{{resource="{_GPUS}"}})'
    return graph(
        "GPUs",
        [
            Query(expr=_each_pool(requested), legend=f"taken, {_LEGEND}"),
            Query(expr=_each_pool(f'kube_node_status_allocatable{{resource="{_GPUS}"}}'), legend=f"there, {_LEGEND}"),
        ],
        Reading(
            says="GPUs that pods hold, and how many the nodes offer. A release needs room for both of its slots.",
            unit=panels.COUNT,
        ),
    )


def _asked_for(resource: str) -> Panel:
    requested = f'sum by (node) (kube_pod_container_resource_requests{{resource="{resource}"}})'
    there = f'kube_node_status_allocatable{{resource="{resource}"}}'
    return graph(
        f"{'CPU' if resource == 'cpu' else 'Memory'} set aside",
        [Query(expr=f"{_each_pool(requested)} / {_each_pool(there)}", legend=_LEGEND)],
        Reading(
            says=f"Share of the nodes' {resource} that pods have reserved, used or not. The scheduler goes by this.",
            unit=panels.SHARE,
        ),
        most=1,
    )


def _cpu() -> Panel:
    idle = f'avg by (node) (rate(node_cpu_seconds_total{{mode="idle"}}[{panels.RATE}]))'
    return _share("CPU", f"1 - {idle}", "Share of the node's processor time that is used.", "pods wait for their turn")


def _memory() -> Panel:
    free = "sum by (node) (node_memory_MemAvailable_bytes) / sum by (node) (node_memory_MemTotal_bytes)"
    return _share("Memory", f"1 - {free}", "Share of the node's memory that cannot be given away.", "pods get evicted")


def _disk() -> Panel:
    free = "min by (node) (node_filesystem_avail_bytes / node_filesystem_size_bytes)"
    return _share(
        "Disk",
        f"1 - {free}",
        "Share of the node's disk that is full: images, logs, volumes of pods.",
        "images are deleted, and pods evicted",
    )


def _share(title: str, expr: str, says: str, then: str) -> Panel:
    return graph(
        title,
        [Query(expr=_of_pools(f"({expr})"), legend="{{node}}")],
        Reading(says=says, unit=panels.SHARE),
        limit=Limit(value=_MOST_USED, good="below", name=f"{_MOST_USED:.0%}; not far above, {then}"),
        most=1,
    )


def _pressure_stall() -> Panel:
    def waited(what: str, metric: str) -> Query:
        expr = f"sum by (node) (rate({metric}[{panels.RATE}]))"
        return Query(expr=_of_pools(expr), legend=f"{what}, {{{{node}}}}")

    return graph(
        "Time lost in waiting",
        [
            waited("CPU", "node_pressure_cpu_waiting_seconds_total"),
            waited("memory", "node_pressure_memory_waiting_seconds_total"),
            waited("disk", "node_pressure_io_waiting_seconds_total"),
        ],
        Reading(
            says="Share of the time in which some process could not go on for want of CPU, memory or disk: what a "
            "busy node costs those who work on it.",
            unit=panels.SHARE,
            absent="the nodes' kernels do not count it",
        ),
        most=1,
    )
