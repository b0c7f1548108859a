"""A token that a pod does not need is one that an intruder finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.node import UNKNOWN, Node
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of
from policies.workloads import is_workload, namespace, pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
# Who may call the Kubernetes API, as namespace/name. Contour watches routes and Services; its Job writes certificates;
# the autoscaler watches pods and nodes; Prometheus finds pods, kube-state-metrics watches them, and
# prometheus-adapter lists those of an autoscaler that asks.
MAY_CALL_THE_API: Final = frozenset(
    {
        "inferstack-gateway/contour",
        "inferstack-gateway/contour-certgen",
        "inferstack-monitoring/kube-state-metrics",
        "inferstack-monitoring/prometheus",
        "inferstack-monitoring/prometheus-adapter",
        "inferstack-system/cluster-autoscaler",
    }
)


def _check(resource: Resource) -> Iterator[Expectation]:
    if resource.type == _ACCOUNT:
        account, automount = resource.node["metadata"]["name"], resource.node["automountServiceAccountToken"]
    else:
        spec = pod_spec(resource)
        account, automount = spec["serviceAccountName"], spec["automountServiceAccountToken"]
    named = _named(namespace(resource), account)
    may_call = named.test(lambda value: value in MAY_CALL_THE_API)
    yield expect(automount, "be false", any_of([automount.is_false, may_call]))


def _named(space: Node, account: Node) -> Node:
    known = space.known and account.known
    return Node(f"{space.value or 'default'}/{account.value or 'default'}" if known else UNKNOWN)


RULE = ResourceRule(
    name="service-account-token",
    title="No pod is given a service account's token, but those that are named as callers of the Kubernetes API.",
    remedy="set automountServiceAccountToken: false; an account that needs the API is named in MAY_CALL_THE_API",
    applies=lambda token: is_workload(token) or token == _ACCOUNT,
    check=_check,
)
