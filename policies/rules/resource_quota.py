"""A namespace without a quota can take the whole cluster, GPUs first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.namespaces import holds_beside, namespaces
from policies.rule import Expectation, Resource, StackRule
from policies.truth import Truth, all_of, any_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def _check(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Expectation]]:
    quotas = [item for item in resources if item.type == "kubernetes:core/v1:ResourceQuota"]
    for namespace in namespaces(resources):
        yield (
            namespace.of,
            Expectation(
                holds=holds_beside(namespace, quotas, _bounds_what_matters),
                subject=namespace.subject,
                must="have a resource quota on CPU and memory",
                found="none",
            ),
        )


def _bounds_what_matters(quota: Resource) -> Truth:
    hard = quota.node["spec"]["hard"]
    return all_of(
        any_of(hard[key].present for key in (f"limits.{name}", f"requests.{name}", name)) for name in ("cpu", "memory")
    )


RULE = StackRule(
    name="resource-quota",
    title="Every namespace of the stack has a resource quota on CPU and memory.",
    remedy="make the namespace by infra.kubernetes.namespace.ClosedNamespace, or add a ResourceQuota whose spec.hard "
    "bounds requests.cpu and requests.memory",
    check=_check,
)
