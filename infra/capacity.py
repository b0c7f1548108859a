"""Capacity, as pure functions: what the services of a stack ask for, and whether their pool has it.

What a service may ask for is judged before anything changes: what its slots ask for now with one pod more, which every
rollout needs, and while a release is under way, what that release asks for at its height.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra import cold_nodes, instance_types, quantities, routing
from infra.settings import CanaryRelease, EmbeddedCluster, errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from infra.settings import Pool, Service, Settings, Slot

# A pod that comes before another goes, or the Job that builds an engine; never both, as the pods wait for the engine.
_ONE_MORE: Final = 1


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a number of pods ask for together: thousandths of a CPU, MiB of memory, whole GPUs."""

    pods: int = 0
    cpu_millis: int = 0
    memory_mib: int = 0
    gpus: int = 0

    def __add__(self, other: Demand) -> Demand:
        return Demand(
            pods=self.pods + other.pods,
            cpu_millis=self.cpu_millis + other.cpu_millis,
            memory_mib=self.memory_mib + other.memory_mib,
            gpus=self.gpus + other.gpus,
        )

    def __mul__(self, times: int) -> Demand:
        return Demand(
            pods=self.pods * times,
            cpu_millis=self.cpu_millis * times,
            memory_mib=self.memory_mib * times,
            gpus=self.gpus * times,
        )


def replica(service: Service) -> Demand:
    """What one pod of a service asks for."""
    resources = service.resources
    return Demand(
        pods=1,
        cpu_millis=quantities.millis(resources.cpu),
        memory_mib=quantities.mebibytes(resources.memory),
        gpus=resources.gpus,
    )


SHADOW: Final = Demand(pods=1, cpu_millis=200, memory_mib=256)
"""Of one pod that compares mirrored answers."""


def size(service: Service, slot: Slot) -> int:
    """The most pods that a slot keeps: its replicas, or what it may be scaled to."""
    if slot.replicas == 0 or service.autoscaling is None:
        return slot.replicas
    return max(slot.replicas, service.autoscaling.max_replicas)


def sizes(service: Service) -> dict[str, int]:
    """The most pods of each slot that has pods, the baseline's included, by the slot's name."""
    return {name: size(service, slot) for name, slot in routing.slots(service.release)}


def steady(service: Service) -> Demand:
    """What all slots of a service ask for between rollouts, at their most."""
    return replica(service) * sum(sizes(service).values())


def release_peak(service: Service) -> Demand:
    """What a service asks for at the height of a release, of the one under way or of the next.

    Both slots then have the size of the larger, as either may have to take all requests; a canary has its baseline
    beside it while it is small. And one pod more: in surge, or the Job that builds an engine. Of a release that has not
    begun it is assumed that its candidate begins with one pod, or with as many as it may be scaled to.
    """
    largest = _largest(service)
    return replica(service) * (max(2 * largest, _with_baseline(service)) + _ONE_MORE)


def _largest(service: Service) -> int:
    return max((size(service, slot) for _, slot in service.release.slots()), default=0)


def _with_baseline(service: Service) -> int:
    """Stable, the candidate and the baseline in its size."""
    release = service.release
    if not isinstance(release, CanaryRelease) or not release.baseline:
        return 0
    first = 1 if service.autoscaling is None else service.autoscaling.max_replicas
    candidate = first if release.candidate is None else size(service, release.candidate)
    return size(service, release.stable) + 2 * candidate


def quota(service: Service) -> Demand:
    """The most that the namespace of the services lets a service have: the same all through a release.

    Whatever slots are filled, there is room for all of them at the size of the larger, for one pod that comes and one
    that goes in each, for a Job of each version, and for the shadow: what a step takes away goes last, so a promotion
    has the candidate's pods beside the new ones of stable. And a step changes nothing that is not its service's own.
    """
    slots = 3 if isinstance(service.release, CanaryRelease) else 2
    jobs = 2 if service.profile else 0
    shadows = SHADOW * 2 if isinstance(service.release, CanaryRelease) else Demand()
    return replica(service) * (slots * (_largest(service) + 2) + jobs) + shadows


def total(demands: Iterable[Demand]) -> Demand:
    """The sum."""
    return sum(demands, Demand())


@dataclass(frozen=True, kw_only=True)
class PoolCapacity:
    """The GPUs of a pool: how many are wanted, and how many there are.

    Attributes:
        pool: its name.
        at_rest: wanted between releases.
        at_update: wanted while one service of the pool gets a pod more than it keeps.
        at_release: wanted at the height of a release of one service of the pool, beside the others at rest.
        there: on the nodes that are always there; None if the pool's size is not known.
        at_most: on all nodes that it may grow to; None if that is not known.
        cold_nodes: how many nodes have to be started for the height of a release; None if the stack starts none.
        cold_seconds: what a pod waits for such a node; None likewise.
    """

    pool: str
    at_rest: int
    at_update: int
    at_release: int
    there: int | None
    at_most: int | None
    cold_nodes: int | None = None
    cold_seconds: int | None = None


def pools(settings: Settings) -> tuple[PoolCapacity, ...]:
    """The GPUs of every pool, in the order of the stack file."""
    return tuple(_pool(pool, settings) for pool in settings.pools)


def _pool(pool: Pool, settings: Settings) -> PoolCapacity:
    services = [service for service in settings.services if service.pool == pool.name]
    at_rest = total(map(steady, services)).gpus
    at_release = at_rest + max((release_peak(service).gpus - steady(service).gpus for service in services), default=0)
    there, at_most = _size(pool, settings)
    return PoolCapacity(
        pool=pool.name,
        at_rest=at_rest,
        at_update=at_rest + max((replica(service).gpus for service in services), default=0),
        at_release=at_release,
        there=there,
        at_most=at_most,
        cold_nodes=_cold_nodes(pool, at_release),
        cold_seconds=cold_nodes.seconds(pool.nodes.instance_type) if pool.nodes else None,
    )


def _size(pool: Pool, settings: Settings) -> tuple[int | None, int | None]:
    if isinstance(settings.cluster, EmbeddedCluster):
        return settings.cluster.gpus, settings.cluster.gpus
    if pool.nodes is None:
        return None, None
    gpus = instance_types.find(pool.nodes.instance_type).gpus
    return gpus * pool.nodes.min, gpus * pool.nodes.max


def _cold_nodes(pool: Pool, wanted: int) -> int | None:
    if pool.nodes is None:
        return None
    gpus = instance_types.find(pool.nodes.instance_type).gpus
    return max(0, math.ceil(wanted / gpus) - pool.nodes.min)


def shortage(settings: Settings, *, source: Path) -> str | None:
    """Why the services of a pool cannot run, or a release cannot end, on the GPUs that it may have; None if they can.

    Args:
        settings: the stack's.
        source: its file, whose line is told.
    """
    return next((sentence for pool in pools(settings) for sentence in _shortages(pool, settings, source)), None)


def _shortages(pool: PoolCapacity, settings: Settings, source: Path) -> Iterator[str]:
    if pool.at_most is None:
        return
    for index, service in enumerate(settings.services):
        if service.pool == pool.pool and len(tuple(service.release.slots())) > 1:
            others = pool.at_rest - steady(service).gpus
            if others + release_peak(service).gpus > pool.at_most:
                path = ("services", index, "release")
                yield f"{errors.at(source, path)}: {errors.key(path)}: {_too_high(pool, service, others)}"
    if pool.at_update > pool.at_most:
        yield f"{_place(pool, settings, source)}: {_too_many(pool, settings)}"


def _place(pool: PoolCapacity, settings: Settings, source: Path) -> str:
    """The replicas of the slot that asks for most."""
    slots = [
        (size(service, slot) * replica(service).gpus, ("services", index, "release", name, "replicas"))
        for index, service in enumerate(settings.services)
        for name, slot in service.release.slots()
        if service.pool == pool.pool
    ]
    _, path = max(slots, key=lambda slot: slot[0])
    return f"{errors.at(source, path)}: {errors.key(path)}"


def _too_many(pool: PoolCapacity, settings: Settings) -> str:
    services = [service for service in settings.services if service.pool == pool.pool]
    parts = " + ".join(f"{service.name} {steady(service).gpus}" for service in services)
    return (
        f"pool {pool.pool!r}: the services ask for {pool.at_rest} GPUs ({parts}) and {pool.at_update - pool.at_rest} "
        f"more while one is rolled out, but there are {pool.at_most} at most: lower replicas or enlarge the pool"
    )


def _too_high(pool: PoolCapacity, service: Service, others: int) -> str:
    wanted = others + release_peak(service).gpus
    slots = " + ".join(f"{name} {pods}" for name, pods in sizes(service).items())
    each = replica(service).gpus
    return (
        f"at the height of its release {service.name} asks for {release_peak(service).gpus} GPUs "
        f"({each} a pod; pods now: {slots}; both slots grow to {_largest(service)}, and one pod is in surge or builds "
        f"an engine){f', and other services for {others}' if others else ''}, but pool {pool.pool!r} has "
        f"{pool.at_most} at most: enlarge it to {wanted}, or lower replicas{_or_max(service)}{_wait(pool)}"
    )


def _or_max(service: Service) -> str:
    return "" if service.autoscaling is None else " and autoscaling.max_replicas"


def _wait(pool: PoolCapacity) -> str:
    if not pool.cold_nodes or pool.cold_seconds is None:
        return ""
    return f". {pool.cold_nodes} of its nodes would have to be started, and a pod waits {pool.cold_seconds} s for one"
