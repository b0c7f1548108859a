"""Capacity, as pure functions: what the services of a stack ask for, and whether their pool has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra import instance_types, quantities
from infra.settings import EmbeddedCluster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.settings import Pool, Service, Settings


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


def steady(service: Service) -> Demand:
    """What all slots of a service ask for between rollouts."""
    return replica(service) * sum(slot.replicas for _, slot in service.release.slots())


def rollout(service: Service) -> Demand:
    """The most that a service asks for: in each slot that runs one pod may be coming, and one going.

    Beside them runs the Job that builds its engines, where it has a profile.
    """
    running = sum(1 for _, slot in service.release.slots() if slot.replicas)
    jobs = 1 if service.profile else 0
    return steady(service) + replica(service) * (running * 2 + jobs)


def release_peak(service: Service) -> Demand:
    """What a service asks for at the height of a release: both slots at the size of the larger, and one pod more.

    The pod more is the one that comes before another goes, or the Job that builds an engine; never both, as the pods
    wait for the engine.
    """
    largest = max((slot.replicas for _, slot in service.release.slots()), default=0)
    return replica(service) * (2 * largest + 1)


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
    """

    pool: str
    at_rest: int
    at_update: int
    at_release: int
    there: int | None
    at_most: int | None


def pools(settings: Settings) -> tuple[PoolCapacity, ...]:
    """The GPUs of every pool, in the order of the stack file."""
    return tuple(_pool(pool, settings) for pool in settings.pools)


def _pool(pool: Pool, settings: Settings) -> PoolCapacity:
    services = [service for service in settings.services if service.pool == pool.name]
    at_rest = total(map(steady, services)).gpus
    there, at_most = _size(pool, settings)
    return PoolCapacity(
        pool=pool.name,
        at_rest=at_rest,
        at_update=at_rest + max((replica(service).gpus for service in services), default=0),
        at_release=at_rest
        + max((release_peak(service).gpus - steady(service).gpus for service in services), default=0),
        there=there,
        at_most=at_most,
    )


def _size(pool: Pool, settings: Settings) -> tuple[int | None, int | None]:
    if isinstance(settings.cluster, EmbeddedCluster):
        return settings.cluster.gpus, settings.cluster.gpus
    if pool.nodes is None:
        return None, None
    gpus = instance_types.find(pool.nodes.instance_type).gpus
    return gpus * pool.nodes.min, gpus * pool.nodes.max


def shortage(settings: Settings) -> str | None:
    """Why the services of a pool cannot run on the GPUs that it may have, or None if they can.

    Each service must fit beside the others with one pod of its own in surge, or its rollout would wait for ever.
    """
    return next((_sentence(pool, settings) for pool in pools(settings) if _is_short(pool)), None)


def _is_short(pool: PoolCapacity) -> bool:
    return pool.at_most is not None and pool.at_update > pool.at_most


def _sentence(pool: PoolCapacity, settings: Settings) -> str:
    services = [service for service in settings.services if service.pool == pool.pool]
    parts = " + ".join(f"{service.name} {steady(service).gpus}" for service in services)
    return (
        f"pool {pool.pool!r}: the services ask for {pool.at_rest} GPUs ({parts}) and {pool.at_update - pool.at_rest} "
        f"more while one is rolled out, but there are {pool.at_most} at most: lower replicas or enlarge the pool"
    )
