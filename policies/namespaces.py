"""The namespaces that a stack uses, and what stands in them: for rules that ask each to have something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies.truth import Truth, all_of, any_of
from policies.workloads import is_workload, namespace, same_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from policies.node import Node
    from policies.rule import Resource

NAMESPACE: Final = "kubernetes:core/v1:Namespace"


@dataclass(frozen=True)
class Namespace:
    """A namespace that a stack makes, or puts pods into.

    Attributes:
        of: the resource that says so.
        name: its name; UNKNOWN where that is not known yet.
    """

    of: Resource
    name: Node

    @property
    def subject(self) -> str:
        """The namespace for a message."""
        tellable = self.name.known and not self.name.secret
        return f"namespace {self.name.value or 'default'}" if tellable else "its namespace"


def namespaces(resources: Sequence[Resource]) -> list[Namespace]:
    """Each namespace once: made by the stack, or else used by a workload of it."""
    made = [Namespace(item, item.node["metadata"]["name"]) for item in resources if item.type == NAMESPACE]
    used = [Namespace(item, namespace(item)) for item in resources if is_workload(item.type)]
    found: dict[object, Namespace] = {}
    for space in [*made, *used]:
        found.setdefault(str(space.name.value or "default") if space.name.known else id(space), space)
    return list(found.values())


def holds_beside(space: Namespace, candidates: Iterable[Resource], condition: Callable[[Resource], Truth]) -> Truth:
    """Whether one of the candidates is in the namespace and meets the condition."""
    return any_of(
        all_of([same_namespace(space.name, namespace(candidate)), condition(candidate)]) for candidate in candidates
    )
