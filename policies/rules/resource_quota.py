"""A namespace without a quota can take the whole cluster, GPUs first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.namespaces import NAMESPACE, holds_beside, namespaces
from policies.rule import Expectation, Resource, StackRule
from policies.truth import Truth, all_of, any_of
from policies.workloads import is_workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
_QUOTA: Final = "kubernetes:core/v1:ResourceQuota"


def _check(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Expectation]]:
    quotas = [item for item in resources if item.type == _QUOTA]
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
    applies=lambda token: token in (_QUOTA, NAMESPACE) or is_workload(token),
    check=_check,
)
