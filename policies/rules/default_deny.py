"""Without a policy that selects all pods, every pod talks to every pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.namespaces import NAMESPACE, holds_beside, namespaces
from policies.rule import Expectation, Resource, StackRule
from policies.truth import Truth, all_of, any_of
from policies.workloads import is_workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
_POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def _check(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Expectation]]:
    policies = [item for item in resources if item.type == _POLICY]
    for namespace in namespaces(resources):
        for direction in ("Ingress", "Egress"):
            yield (
                namespace.of,
                Expectation(
                    holds=holds_beside(
                        namespace, policies, lambda policy, direction=direction: _denies(policy, direction)
                    ),
                    subject=namespace.subject,
                    must=f"have a network policy that denies all {direction.lower()} by default",
                    found="none",
                ),
            )


def _denies(policy: Resource, direction: str) -> Truth:
    spec = policy.node["spec"]
    selector = spec["podSelector"]
    matches_all = all_of([selector["matchLabels"].empty, selector["matchExpressions"].empty])
    named = any_of(kind.equals(direction) for kind in spec["policyTypes"].each())
    # Left out, the types are Ingress, and Egress where egress rules stand: then it denies nothing by default.
    implied = spec["policyTypes"].empty if direction == "Ingress" else False
    return all_of([matches_all, any_of([named, implied]), spec[direction.lower()].empty])


RULE = StackRule(
    name="default-deny",
    title="Every namespace of the stack has a network policy that denies all traffic by default, in and out.",
    remedy="make the namespace by infra.kubernetes.namespace.ClosedNamespace, or add a NetworkPolicy with an empty "
    "podSelector, policyTypes [Ingress, Egress] and no rules",
    applies=lambda token: token in (_POLICY, NAMESPACE) or is_workload(token),
    check=_check,
)
