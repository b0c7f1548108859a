"""The restricted Pod Security Standard, and a root file system that cannot be written.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.node import Node, first_present
from policies.rule import Expectation, Resource, ResourceRule
from policies.truth import Truth, any_of, negate
from policies.workloads import containers, is_workload, pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    of_pod = pod_spec(resource)["securityContext"]
    for container in containers(resource):
        own = container["securityContext"]

        def inherited(*keys: str, own: Node = own) -> Node:
            return first_present(own.at(*keys), of_pod.at(*keys))

        def rule(node: Node, must: str, holds: Truth, container: Node = container) -> Expectation:
            return Expectation(holds=holds, subject=f"{container.path}: {_setting(node)}", must=must, found=node.show())

        non_root, user = inherited("runAsNonRoot"), inherited("runAsUser")
        yield rule(non_root, "be true", non_root.is_true)
        yield rule(user, "not be 0", negate(user.equals(0)))
        profile = inherited("seccompProfile")["type"]
        yield rule(profile, "be RuntimeDefault", profile.equals("RuntimeDefault"))
        escalation, read_only = own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]
        yield rule(escalation, "be false", escalation.is_false)
        yield rule(read_only, "be true", read_only.is_true)
        dropped, added = own["capabilities"]["drop"], own["capabilities"]["add"]
        yield rule(dropped, "hold ALL", any_of(item.equals("ALL") for item in dropped.each()))
        yield rule(added, "be empty", added.empty)


def _setting(node: Node) -> str:
    return node.path[node.path.index("securityContext") :]


RULE = ResourceRule(
    name="security-context",
    title="Containers run as non-root, cannot gain rights or write their root, have no capabilities, and use seccomp.",
    remedy="set runAsNonRoot, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities.drop: [ALL] "
    "and seccompProfile.type: RuntimeDefault; give what must be written an emptyDir",
    applies=is_workload,
    check=_check,
)
