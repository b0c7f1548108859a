"""Routing, as pure functions: how a release splits the requests of its service over its slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import BlueGreenRelease, CanaryRelease

# What a service answers to the world. Health and metrics are for the cluster and stay inside.
PUBLIC_PATHS = ("/v1", "/docs", "/openapi.json")


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A slot's share of the requests, in per cent."""

    slot: str
    weight: int


def backends(release: CanaryRelease | BlueGreenRelease) -> tuple[Backend, ...]:
    """The slots of a release with their weights, in the order of the slots, idle ones with weight 0 included.

    The weights are passed on as they are: that they sum to 100 is a rule of the policy pack, not of this function.
    """
    return tuple(Backend(slot=name, weight=slot.weight) for name, slot in release.slots())


def public_prefix(service: str) -> str:
    """The path under which the gateway publishes a service: ``/sentiment``."""
    return f"/{service}"
