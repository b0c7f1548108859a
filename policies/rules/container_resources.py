"""What asks for nothing is placed anywhere and starved first; what has no limit starves its neighbours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.workloads import containers, is_workload

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"\+?(\d+\.?\d*|\.\d+)(([KMGTPE]i|[numkMGTPE])|[eE][+-]?\d+)?")


def _is_positive_quantity(value: object) -> bool:
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    return match is not None and not isinstance(value, bool) and float(match[1]) > 0


def _check(resource: Resource) -> Iterator[Expectation]:
    for container in containers(resource):
        for what in ("requests", "limits"):
            for name in ("cpu", "memory"):
                quantity = container["resources"][what][name]
                yield expect(quantity, "be a positive quantity", quantity.test(_is_positive_quantity))


RULE = ResourceRule(
    name="container-resources",
    title="Every container requests CPU and memory and has a limit of both.",
    remedy="set resources.requests and resources.limits for cpu and memory, for example 500m and 512Mi",
    applies=is_workload,
    check=_check,
)
