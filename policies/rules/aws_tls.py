"""What goes over a network is encrypted: requests of users to the balancer, and those of pods to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTENER: Final = "aws:lb/listener:Listener"
_PARAMETERS: Final = "aws:rds/parameterGroup:ParameterGroup"
_MODERN: Final = "ELBSecurityPolicy-TLS13-"


def _check(resource: Resource) -> Iterator[Expectation]:
    if resource.type == _LISTENER:
        protocol, policy = resource.node["protocol"], resource.node["sslPolicy"]
        yield expect(protocol, "be TLS or HTTPS", protocol.test(lambda value: value in ("TLS", "HTTPS")))
        modern = policy.test(lambda value: isinstance(value, str) and value.startswith(_MODERN))
        yield expect(policy, f"be one of {_MODERN}*", modern)
        return
    parameters = resource.node["parameters"]
    forced = any_of(
        None
        if not (each["name"].known and each["value"].known)
        else (each["name"].value, str(each["value"].value)) == ("rds.force_ssl", "1")
        for each in parameters.each()
    )
    yield Expectation(holds=forced, subject="parameters", must="set rds.force_ssl to 1", found="none that does")


RULE = ResourceRule(
    name="aws-tls",
    title="Load balancers take TLS 1.2 or newer only, and databases refuse connections without TLS.",
    remedy="set protocol: TLS and an sslPolicy of ELBSecurityPolicy-TLS13-*; set the parameter rds.force_ssl to 1",
    applies=lambda token: token in (_LISTENER, _PARAMETERS),
    check=_check,
)
