"""What the stand-ins read of pods, as the API server gives them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]
Amounts = dict[str, Fraction]
_ENDED = frozenset({"Succeeded", "Failed"})


def key(pod: Json) -> str:
    """Namespace and name."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def has_ended(pod: Json) -> bool:
    """Whether it holds no resources any more."""
    return pod.get("status", {}).get("phase") in _ENDED


def is_of_a_daemon_set(pod: Json) -> bool:
    """Whether it belongs to its node: no node is made for it."""
    return any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences", ()))


def reason_unschedulable(pod: Json) -> str | None:
    """Why the scheduler finds no node for it; None if it has one or was not looked at."""
    if pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
        return None
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return str(condition.get("message", "")) or "the scheduler gives no reason"
    return None


def requests(pod: Json) -> Amounts:
    """What the scheduler sets aside: the containers' sum or the largest of those that run before, the pod itself."""
    spec = pod["spec"]
    containers, initial = Amounts(), Amounts()
    for container in spec.get("containers", ()):
        containers = add(containers, _requests(container))
    for container in spec.get("initContainers", ()):
        for name, amount in _requests(container).items():
            initial[name] = max(initial.get(name, Fraction(0)), amount)
    larger = {
        name: max(containers.get(name, Fraction(0)), initial.get(name, Fraction(0))) for name in containers | initial
    }
    return add(larger, {"pods": Fraction(1)})


def add(one: Amounts, other: Amounts) -> Amounts:
    """The sum, by resource."""
    return {name: one.get(name, Fraction(0)) + other.get(name, Fraction(0)) for name in one | other}


def amounts(quantities: Mapping[str, str]) -> Amounts:
    """Quantities as numbers."""
    return {name: quantity.parse(text) for name, text in quantities.items()}


def tolerates(pod: Json, taints: Iterable[Json]) -> bool:
    """Whether no taint keeps it off a node."""
    tolerations = pod["spec"].get("tolerations", ())
    return all(
        taint["effect"] == "PreferNoSchedule" or any(_tolerates(each, taint) for each in tolerations)
        for taint in taints
    )


def selects(pod: Json, labels: Mapping[str, str]) -> bool:
    """Whether its node selector and its required node affinity allow a node with these labels."""
    spec = pod["spec"]
    if any(labels.get(name) != value for name, value in spec.get("nodeSelector", {}).items()):
        return False
    required = (
        spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    )
    terms = required.get("nodeSelectorTerms", ())
    return not terms or any(
        all(_matches(expression, labels) for expression in term.get("matchExpressions", ())) for term in terms
    )


def _requests(container: Json) -> Amounts:
    resources = container.get("resources", {})
    return amounts({**resources.get("limits", {}), **resources.get("requests", {})})


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")


def _matches(expression: Json, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", ())
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:  # Gt and Lt: no label here has a number that a program could mean
            return False
