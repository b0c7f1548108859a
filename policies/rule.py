"""What a rule is: a pure function over plain resources, whose verdict is pass, fail or undecided.

Nothing here knows Pulumi, so a rule can be tested on samples and run over any other source of resources.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from policies.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from policies.truth import Truth


class Verdict(enum.Enum):
    """What a rule says of a resource. Undecided: an input is not known before the update."""

    PASS = "pass"  # noqa: S105  not a password
    FAIL = "fail"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as rules see it.

    Attributes:
        type: Pulumi's type token, for example ``kubernetes:apps/v1:Deployment``.
        name: its name in the program.
        properties: plain data, see :mod:`policies.node`.
        urn: the engine's name for it, if it comes from there.
    """

    type: str
    name: str
    properties: object
    urn: str = ""

    @property
    def node(self) -> Node:
        """Its properties, to read from."""
        return Node(self.properties)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One thing that a rule expects of one place in a resource.

    Attributes:
        holds: whether it is so, or None if that is not known yet.
        subject: the place, for example ``spec.replicas``.
        must: what is expected, for example ``be a positive number``.
        found: what is there instead; never a secret.
        remedy: what to do, where it is not what the rule says for all.
        exemption: what is found here instead, why that may pass, who answers for it and until when; empty if it is
            as it must be.
    """

    holds: Truth
    subject: str
    must: str
    found: str
    remedy: str = ""
    exemption: str = ""


def expect(node: Node, must: str, holds: Truth, *, remedy: str = "") -> Expectation:
    """The expectation about a single value, which the message shows unless it is secret."""
    return Expectation(holds=holds, subject=node.path, must=must, found=node.show(), remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule's verdict on one resource.

    Attributes:
        rule: the rule's name.
        resource: the resource judged.
        verdict: pass, fail or undecided.
        reasons: one for each expectation that is not met (fail) or cannot be judged yet (undecided).
        remedies: what to do, in the order of the reasons, each once.
        exemptions: what passed by exemption alone, see :class:`Expectation`.
    """

    rule: str
    resource: Resource
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    exemptions: tuple[str, ...] = ()

    def message(self) -> str:
        """The finding for a person: rule, resource, reasons, what to do."""
        lines = [f"{self.rule}: {self.resource.type} {self.resource.name}"]
        lines += [f"reason: {reason}" for reason in self.reasons]
        lines += [f"to do: {remedy}" for remedy in self.remedies]
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class ResourceRule:
    """A rule about one resource at a time.

    Attributes:
        name: in kebab case, the file's name and the folder of its samples.
        title: what it requires, in one line.
        remedy: what to do about a failure.
        applies: whether it reads resources of a type, given as the token.
        check: all that is expected of a resource, what holds included.
    """

    name: str
    title: str
    remedy: str
    applies: Callable[[str], bool]
    check: Callable[[Resource], Iterable[Expectation]]

    def judge(self, resources: Sequence[Resource]) -> list[Finding]:
        """One finding for each resource that the rule applies to."""
        return [
            _finding(self, resource, list(self.check(resource)))
            for resource in resources
            if self.applies(resource.type)
        ]


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule about what must stand beside what in a stack. Attributes as in :class:`ResourceRule`."""

    name: str
    title: str
    remedy: str
    applies: Callable[[str], bool]
    check: Callable[[Sequence[Resource]], Iterable[tuple[Resource, Expectation]]]

    def judge(self, resources: Sequence[Resource]) -> list[Finding]:
        """One finding for each resource that the rule expects something of."""
        expected: dict[int, tuple[Resource, list[Expectation]]] = {}
        read = [resource for resource in resources if self.applies(resource.type)]
        for resource, expectation in self.check(read):
            expected.setdefault(id(resource), (resource, []))[1].append(expectation)
        return [_finding(self, resource, expectations) for resource, expectations in expected.values()]


Rule: TypeAlias = ResourceRule | StackRule


def _finding(rule: Rule, resource: Resource, expectations: Sequence[Expectation]) -> Finding:
    exempted = tuple(expectation.exemption for expectation in expectations if expectation.exemption)
    return replace(_judgement(rule, resource, expectations), exemptions=exempted)


def _judgement(rule: Rule, resource: Resource, expectations: Sequence[Expectation]) -> Finding:
    unmet = [expectation for expectation in expectations if expectation.holds is False]
    open_ = [expectation for expectation in expectations if expectation.holds is None]
    if unmet:
        reasons = [f"{item.subject} must {item.must}; found {item.found}" for item in unmet]
        return _report(rule, resource, Verdict.FAIL, reasons, [item.remedy or rule.remedy for item in unmet])
    if open_:
        reasons = [f"{item.subject} must {item.must}; that is not known before the update" for item in open_]
        return _report(rule, resource, Verdict.UNDECIDED, reasons, [])
    return _report(rule, resource, Verdict.PASS, [], [])


def _report(
    rule: Rule, resource: Resource, verdict: Verdict, reasons: Iterable[str], remedies: Iterable[str]
) -> Finding:
    return Finding(
        rule=rule.name,
        resource=resource,
        verdict=verdict,
        reasons=tuple(dict.fromkeys(reasons)),
        remedies=tuple(dict.fromkeys(remedies)),
    )
