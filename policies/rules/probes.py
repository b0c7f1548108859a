"""Without probes, traffic reaches a pod that is not ready and stays with one that hangs. Jobs end by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of
from policies.workloads import is_long_running, pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

_HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")


def _check(resource: Resource) -> Iterator[Expectation]:
    for container in pod_spec(resource)["containers"].each():
        silent = container["ports"].empty
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container[kind]
            asks = any_of(probe[handler].present for handler in _HANDLERS)
            yield expect(probe, f"ask by one of {', '.join(_HANDLERS)}", any_of([silent, asks]))


RULE = ResourceRule(
    name="probes",
    title="Containers that listen on a port have startup, readiness and liveness probes.",
    remedy="add the probe; the service answers /startupz, /readyz and /livez",
    applies=is_long_running,
    check=_check,
)
