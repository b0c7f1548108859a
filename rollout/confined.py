"""Which resources belong to a service, and what a preview would change beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.slo import rendering

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_RELEASE = "inferstack:kubernetes:ServiceRelease"
_IMAGE = "inferstack:images:BuiltImage"
# Its alerts, of which each slot has one.
_CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
_STACK = "pulumi:pulumi:Stack"
_ROUTE = ":HTTPRoute"
SAME = "same"
# What only looks: at resources, and at the outputs of stacks.
_LOOKS = frozenset({SAME, "read", "refresh"})
_BUILT_IN = "pulumi:providers:pulumi"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What happens to one resource.

    Attributes:
        urn: the engine's name of it.
        parent: the URN of what it belongs to; empty for the stack itself.
        change: the engine's word: create, update, replace, delete, same.
        keys: the inputs that differ.
    """

    urn: str
    parent: str
    change: str
    keys: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the program, with the last part of its type."""
        return f"{type_of(self.urn).rpartition(':')[2]} {name_of(self.urn)}"


def own(resources: Iterable[Planned], *, service: str, images: Collection[str]) -> frozenset[str]:
    """The URNs of the resources of one service: what its release has below it, its images, its alerts.

    Args:
        resources: all that the stack has or will have.
        service: its name.
        images: the names of its serving images, for example ``sentiment-0.2.0``.
    """
    parents = {each.urn: each.parent for each in resources}
    return frozenset(urn for urn in parents if any(_is_root(each, service, images) for each in _line(urn, parents)))


def stack_urn(resources: Iterable[Planned]) -> str | None:
    """The URN of the stack itself, which holds its outputs."""
    return next((each.urn for each in resources if type_of(each.urn) == _STACK), None)


def route(urns: Iterable[str], *, service: str) -> str | None:
    """The URN of the route that splits a service's requests."""
    return next((urn for urn in urns if type_of(urn).endswith(_ROUTE) and name_of(urn) == service), None)


def beside(resources: Iterable[Planned], own: Collection[str]) -> list[Planned]:
    """What would change and does not belong to the service; the stack itself changes with its outputs."""
    return [
        each
        for each in resources
        if each.change not in _LOOKS and each.urn not in own and type_of(each.urn) not in {_STACK, _BUILT_IN}
    ]


def changed(resources: Iterable[Planned], own: Collection[str]) -> list[Planned]:
    """What would change of the service."""
    return [each for each in resources if each.change not in _LOOKS and each.urn in own]


def type_of(urn: str) -> str:
    """The type of a resource, without those of its parents."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """The name of a resource in the program."""
    return urn.split("::", 3)[3]


def _is_root(urn: str, service: str, images: Collection[str]) -> bool:
    kind, name = type_of(urn), name_of(urn)
    rules = kind == _CONFIG_MAP and name == rendering.objective_name(service)
    return rules or (kind == _RELEASE and name == service) or (kind == _IMAGE and name in images)


def _line(urn: str, parents: Mapping[str, str]) -> Iterable[str]:
    """A resource and what it belongs to, up to the stack."""
    seen = set[str]()
    while urn and urn not in seen:
        seen.add(urn)
        yield urn
        urn = parents.get(urn, "")
