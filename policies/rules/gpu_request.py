"""GPUs cannot be overcommitted, and their nodes turn away all that does not say that it belongs there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import Truth, all_of, any_of, negate
from policies.workloads import containers, is_workload, pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.node import Node

_GPU = "nvidia.com/gpu"


def _check(resource: Resource) -> Iterator[Expectation]:
    wants: list[Truth] = []
    for container in containers(resource):
        limit, request = (container["resources"][what][_GPU] for what in ("limits", "requests"))
        wanted = any_of([limit.present, request.present])
        if wanted is False:
            continue
        wants.append(wanted)
        unwanted = None if wanted is None else False
        yield expect(limit, "be a whole number of GPUs, at least 1", any_of([unwanted, limit.test(_is_count)]))
        same = limit.test(lambda value, request=request: str(value) == str(request.value)) if request.known else None
        equal = any_of([unwanted, negate(request.present), same])
        yield expect(request, f"equal the limit of {_GPU}", equal)
    if not wants:
        return
    unwanted = None if any_of(wants) is None else False
    spec = pod_spec(resource)
    tolerated = any_of(_tolerates(toleration) for toleration in spec["tolerations"].each())
    yield expect(spec["tolerations"], f"tolerate the taint {_GPU}", any_of([unwanted, tolerated]))
    affinity = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    chosen = any_of([negate(spec["nodeSelector"].empty), negate(affinity.empty)])
    yield expect(spec["nodeSelector"], "choose the nodes of a GPU pool", any_of([unwanted, chosen]))


def _is_count(value: object) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"[1-9]\d*", str(value)) is not None


def _tolerates(toleration: Node) -> Truth:
    key, effect, operator = toleration["key"], toleration["effect"], toleration["operator"]
    keyed = any_of([key.equals(_GPU), all_of([key.empty, operator.equals("Exists")])])
    return all_of([keyed, effect.test(lambda value: value in (None, "", "NoSchedule"))])


RULE = ResourceRule(
    name="gpu-request",
    title="A container that asks for GPUs has an equal limit, and its pod tolerates and selects GPU nodes.",
    remedy=f"set limits['{_GPU}'] (and an equal request), a toleration {{key: {_GPU}, operator: Exists, "
    "effect: NoSchedule}} and a nodeSelector of the pool",
    applies=is_workload,
    check=_check,
)
