"""A pod that shares the node's namespaces, files or devices can do to other pods what it likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import negate
from policies.workloads import containers, is_workload, pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    spec = pod_spec(resource)
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        yield expect(spec[key], "not be true", negate(spec[key].is_true))
    for volume in spec["volumes"].each():
        yield expect(volume["hostPath"], "be absent", negate(volume["hostPath"].present))
    for container in containers(resource):
        privileged = container["securityContext"]["privileged"]
        yield expect(privileged, "not be true", negate(privileged.is_true))
        for port in container["ports"].each():
            yield expect(port["hostPort"], "be absent", port["hostPort"].empty)


RULE = ResourceRule(
    name="host-isolation",
    title="No pod shares the node's namespaces, ports or files, and no container is privileged.",
    remedy="use a Service instead of the host's network and ports, and a volume claim or emptyDir instead of hostPath",
    applies=is_workload,
    check=_check,
)
