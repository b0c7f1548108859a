"""Parts of monitoring as they are declared one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi

from infra import naming
from infra.kubernetes.scope import Scope
from policies.__main__ import RULES
from policies.pack import plain
from policies.rule import Resource, ResourceRule, Verdict
from tests.infra.recorder import DIGEST, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.recorder import Declared

PINNED: Final = f"registry/image@{DIGEST}"


def declared_by(declare: Callable[[Scope], None]) -> list[Declared]:
    """What a function declares, given a component in the monitoring namespace of prod."""

    def program() -> None:
        component = pulumi.ComponentResource("inferstack:test:Monitoring", "monitoring")
        declare(Scope(environment="prod", namespace=naming.MONITORING_NAMESPACE, parent=component))

    return record(program)


def one(declared: list[Declared], suffix: str, name: str) -> dict[str, Any]:
    """The inputs of the one object of that type and name."""
    found = [each.inputs for each in declared if each.type.endswith(suffix) and each.name == name]
    assert len(found) == 1, f"{name} ({suffix}) in {[(each.type, each.name) for each in declared]}"
    return found[0]


def pod_of(declared: list[Declared], name: str) -> dict[str, Any]:
    """The pod's spec of the Deployment or DaemonSet of that name."""
    (workload,) = (each for each in declared if each.name == name and each.type.endswith((":Deployment", ":DaemonSet")))
    return workload.inputs["spec"]["template"]["spec"]


def broken_rules(declared: list[Declared]) -> list[str]:
    """What the policy pack finds wrong with any single object, and what it lets pass by an exemption alone."""
    resources = [Resource(type=each.type, name=each.name, properties=plain(each.inputs)) for each in declared]
    findings = [found for rule in RULES if isinstance(rule, ResourceRule) for found in rule.judge(resources)]
    assert len(findings) > len(resources)
    return [found.message() for found in findings if found.verdict is not Verdict.PASS or found.exemptions]
