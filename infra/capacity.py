"""Capacity, as pure functions: what the services of a stack ask for, and whether their pool has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra import quantities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.settings import Service, Settings


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
    """The most that a service asks for: in each slot that runs one pod may be coming, and one going."""
    running = sum(1 for _, slot in service.release.slots() if slot.replicas)
    return steady(service) + replica(service) * running * 2


def total(demands: Iterable[Demand]) -> Demand:
    """The sum."""
    return sum(demands, Demand())


def shortage(settings: Settings, gpus: int) -> str | None:
    """Why the stack's services cannot run on that many GPUs, or None if they can.

    Each service must fit beside the others with one pod of its own in surge, or its rollout would wait for ever.
    """
    wanted = total(steady(service) for service in settings.services).gpus
    surge = max((replica(service).gpus for service in settings.services), default=0)
    if wanted + surge <= gpus:
        return None
    parts = " + ".join(f"{service.name} {steady(service).gpus}" for service in settings.services)
    return (
        f"the services ask for {wanted} GPUs ({parts}) and {surge} more while one is rolled out, "
        f"but there are {gpus}: lower replicas or raise the number of GPUs"
    )
