"""Who did what in a cluster is known only if it is written down, and only if nobody is let in on the side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import CLUSTER
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGS: Final = ("api", "audit", "authenticator")


def _check(resource: Resource) -> Iterator[Expectation]:
    access, logs = resource.node["accessConfig"], resource.node["enabledClusterLogTypes"]
    mode, creator = access["authenticationMode"], access["bootstrapClusterCreatorAdminPermissions"]
    yield expect(mode, "be API", mode.equals("API"))
    # EKS makes whoever created the cluster its administrator, in no list, unless it is told not to.
    yield expect(creator, "be false", creator.is_false)
    for log in _LOGS:
        yield expect(logs, f"hold {log}", any_of(each.equals(log) for each in logs.each()))


RULE = ResourceRule(
    name="aws-cluster-access",
    title="A cluster is entered by access entries alone, and logs requests, audits and authentications.",
    remedy="set authenticationMode: API, bootstrapClusterCreatorAdminPermissions: false and the log types",
    applies=lambda token: token == CLUSTER,
    check=_check,
)
