"""Weights are read as percentages by people, dashboards and release steps, so they must be some."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policies.node import Node
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHOLE = 100


def _check(resource: Resource) -> Iterator[Expectation]:
    for rule in resource.node["spec"]["rules"].each():
        backends = rule["backendRefs"]
        weights = [backend["weight"] for backend in backends.each()]
        # One backend without a weight gets everything, and a rule without backends redirects or answers by itself.
        alone = any_of([negate(weights[0].present) if len(weights) == 1 else False, backends.empty])
        for weight in weights:
            yield expect(weight, "be a whole number from 0", any_of([alone, weight.test(_is_weight)]))
        total = Node([weight.value for weight in weights], f"the sum of {backends.path}[].weight")
        yield Expectation(
            holds=any_of([alone, total.test(_sums_to_whole)]),
            subject=total.path,
            must=f"be {_WHOLE}",
            found=str(_total(total.value)),
        )


def _is_weight(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _total(weights: object) -> int:
    return sum(weight for weight in cast("list[int]", weights) if _is_weight(weight))


def _sums_to_whole(weights: object) -> bool:
    return _total(weights) == _WHOLE


def _is_http_route(token: str) -> bool:
    return token.startswith("kubernetes:gateway.networking.k8s.io/") and token.endswith(":HTTPRoute")


RULE = ResourceRule(
    name="route-weights",
    title="The weights of a route's backends are whole numbers from 0 that sum to 100.",
    remedy="correct the weights of the service's slots in the stack file",
    applies=_is_http_route,
    check=_check,
)
