"""Selectors, dashboards, cost reports and the other rules find objects by these labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of, negate
from policies.workloads import is_long_running, is_workload, pod_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.node import Node

_NAME, _PART_OF, _MANAGER = (f"app.kubernetes.io/{label}" for label in ("name", "part-of", "managed-by"))
_ENVIRONMENT, _SERVICE, _SLOT = (f"inferstack.dev/{label}" for label in ("environment", "service", "slot"))
_VERSION: Final = "app.kubernetes.io/version"
# Groups of objects that are not objects themselves, and definitions taken from upstream unchanged.
_EXEMPT_PREFIXES: Final = (
    "kubernetes:yaml",
    "kubernetes:helm",
    "kubernetes:kustomize",
    "kubernetes:apiextensions",
)


def _applies(token: str) -> bool:
    return token.startswith("kubernetes:") and not token.startswith(_EXEMPT_PREFIXES)


def _check(resource: Resource) -> Iterator[Expectation]:
    yield from _labelled(resource.node["metadata"]["labels"])
    if is_workload(resource.type):
        labels = pod_labels(resource)
        yield from _labelled(labels)
        # What a service does once, for all of its slots, is in none.
        for name in (_SLOT, _VERSION) if is_long_running(resource.type) else (_VERSION,):
            of_no_service = negate(labels[_SERVICE].present)
            yield expect(
                labels[name], "be there on a service's pod", any_of([of_no_service, negate(labels[name].empty)])
            )


def _labelled(labels: Node) -> Iterator[Expectation]:
    yield expect(labels[_NAME], "name the component", negate(labels[_NAME].empty))
    yield expect(labels[_PART_OF], "be inferstack", labels[_PART_OF].equals("inferstack"))
    yield expect(labels[_MANAGER], "be pulumi", labels[_MANAGER].equals("pulumi"))
    yield expect(labels[_ENVIRONMENT], "name the stack", negate(labels[_ENVIRONMENT].empty))


RULE = ResourceRule(
    name="required-labels",
    title="Every object says what it is, what it is part of, who manages it and in which environment; pods too.",
    remedy="take the labels from infra.naming.labels(); pods of a service also carry service, slot and version; those "
    "of its Jobs no slot",
    applies=_applies,
    check=_check,
)
