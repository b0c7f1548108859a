"""Pods, wherever they are declared: one way to the pod template, its containers, and selectors over its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.truth import Truth, all_of, any_of, negate

if TYPE_CHECKING:
    from policies.node import Node
    from policies.rule import Resource

_TEMPLATE: Final = ("spec", "template")
_TEMPLATE_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "kubernetes:apps/v1:DaemonSet": _TEMPLATE,
    "kubernetes:apps/v1:Deployment": _TEMPLATE,
    "kubernetes:apps/v1:ReplicaSet": _TEMPLATE,
    "kubernetes:apps/v1:StatefulSet": _TEMPLATE,
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec", "template"),
    "kubernetes:batch/v1:Job": _TEMPLATE,
    "kubernetes:core/v1:Pod": (),
    "kubernetes:core/v1:PodTemplate": ("template",),
    "kubernetes:core/v1:ReplicationController": _TEMPLATE,
}


def is_workload(token: str) -> bool:
    """Whether resources of a type are pods or make pods."""
    return token in _TEMPLATE_PATHS


def is_long_running(token: str) -> bool:
    """Whether resources of a type keep pods running, as Jobs do not."""
    return is_workload(token) and _TEMPLATE_PATHS[token] == _TEMPLATE and not token.endswith(":Job")


def pod_template(resource: Resource) -> Node:
    """What holds ``metadata`` and ``spec`` of the pods of a workload."""
    return resource.node.at(*_TEMPLATE_PATHS[resource.type])


def pod_spec(resource: Resource) -> Node:
    """The ``spec`` of the pods of a workload."""
    return pod_template(resource)["spec"]


def pod_labels(resource: Resource) -> Node:
    """The labels of the pods of a workload."""
    return pod_template(resource).at("metadata", "labels")


def containers(resource: Resource) -> list[Node]:
    """All containers of a workload's pods, init containers first."""
    spec = pod_spec(resource)
    return [*spec["initContainers"].each(), *spec["containers"].each()]


def namespace(resource: Resource) -> Node:
    """The namespace that a resource is in; absent means ``default``."""
    return resource.node.at("metadata", "namespace")


def same_namespace(one: Node, other: Node) -> Truth:
    """Whether two names, as of :func:`namespace`, are of the same namespace."""
    if one.known and other.known:
        return (one.value or "default") == (other.value or "default")
    return None


def selects(selector: Node, labels: Node) -> Truth:
    """Whether a Kubernetes label selector matches labels. An empty one matches all, an absent one nothing."""
    pairs = [_label_is(labels, key, wanted) for key, wanted in selector["matchLabels"].entries()]
    rules = [_expression_holds(expression, labels) for expression in selector["matchExpressions"].each()]
    return all_of([selector.present, *pairs, *rules])


def _label_is(labels: Node, key: str | None, wanted: Node) -> Truth:
    if key is None:
        return None
    label = labels[key]
    return label.value == wanted.value if label.known and wanted.known else None


def _expression_holds(expression: Node, labels: Node) -> Truth:
    key, operator = expression["key"].value, expression["operator"].value
    if not isinstance(key, str) or not isinstance(operator, str):
        return None
    label = labels[key]
    among = any_of(
        None if not (label.known and item.known) else label.value == item.value for item in expression["values"].each()
    )
    outcomes: dict[str, Truth] = {
        "In": all_of([label.present, among]),
        "NotIn": negate(all_of([label.present, among])),
        "Exists": label.present,
        "DoesNotExist": negate(label.present),
    }
    return outcomes.get(operator, False)
