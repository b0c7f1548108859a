"""The rules as a Pulumi policy pack.

The engine calls a policy once with the inputs known at preview and once more at the update, when all are known.
pulumi-policy stops a policy at the first unknown value that it reads and reports the stop as advisory: what it had
not looked at yet passes in silence. So rules never see its proxies but plain data with UNKNOWN in it, and report
three verdicts:

- fail: a mandatory violation of the rule;
- undecided: at a preview, an advisory violation of the policy ``undecided`` that names rule, resource and reason,
  and the rule itself counts as not applicable, so that no report lists it as passed; at an update, where
  nothing should be unknown any more, a mandatory violation of the rule;
- pass: nothing.

What passes by exemption alone, or by a waiver in the stack file, is an advisory violation of the policy ``exempted``,
at each preview and update, so that nobody has to remember that it is there.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, NoReturn, cast

import pulumi
import pulumi_policy.policy as library
from google.protobuf import json_format
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import deserialize as wire
from pulumi_policy import proxy as sentinels

from policies.node import UNKNOWN, Secret
from policies.release import COMPONENT
from policies.rule import Finding, Resource, ResourceRule, Rule, StackRule, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.protobuf.message import Message

    from policies.exemptions import Exemption

    ReportViolation = Callable[[str, str | None], None]

NAME: Final = "inferstack"
UNDECIDED: Final = "undecided"
EXEMPTED: Final = "exempted"
_UNDECIDED_TITLE: Final = (
    "Not decided by this preview: these rules need values that only the update tells, and decide then."
)
_EXEMPTED_TITLE: Final = (
    "Let pass by name, until a day, by somebody who answers for it: policies/exemptions.toml, or a stack's waivers."
)

_UNKNOWN_SENTINELS: Final = frozenset(
    {
        sentinels.UNKNOWN_ARCHIVE_VALUE,
        sentinels.UNKNOWN_ARRAY_VALUE,
        sentinels.UNKNOWN_ASSET_VALUE,
        sentinels.UNKNOWN_BOOLEAN_VALUE,
        sentinels.UNKNOWN_NUMBER_VALUE,
        sentinels.UNKNOWN_OBJECT_VALUE,
        sentinels.UNKNOWN_STRING_VALUE,
    }
)


def serve(rules: Sequence[Rule], exemptions: Sequence[Exemption]) -> NoReturn:
    """Answer the engine's questions by these rules until it ends this process.

    Args:
        rules: with their exemptions.
        exemptions: what to look for when saying what was exempted.
    """
    library.json_format = _Converter  # pyright: ignore[reportPrivateImportUsage]
    library.deserialize_properties = _as_it_is  # pyright: ignore[reportPrivateImportUsage]
    of_resources = [rule for rule in rules if isinstance(rule, ResourceRule)]
    of_stacks = [rule for rule in rules if isinstance(rule, StackRule)]
    policies = [
        *(_resource_policy(rule) for rule in of_resources),
        *(_stack_policy(rule) for rule in of_stacks),
        _undecided_resources(of_resources),
        _undecided_stacks(of_stacks),
        _exempted_resources(of_resources, {exemption.resource for exemption in exemptions}),
    ]
    PolicyPack(NAME, policies, enforcement_level=EnforcementLevel.MANDATORY)
    raise SystemExit


def plain(value: object) -> object:
    """What the engine sends as plain data: see :mod:`policies.node`."""
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN_SENTINELS else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [plain(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if fields.get(wire.SPECIAL_SIG_KEY) == wire.SPECIAL_SECRET_SIG:
            return Secret(plain(fields["value"]))
        return {key: plain(item) for key, item in fields.items()}
    return value


class _Unread:
    """A message's fields, converted when they are first read.

    Stands in for pulumi-policy's own conversions, which forget which values are secret and work through every
    resource for every policy, those included that no rule is about.
    """

    def __init__(self, message: Message) -> None:
        self._message = message

    @cached_property
    def fields(self) -> dict[str, object]:
        return json_format.MessageToDict(self._message)

    def __len__(self) -> int:
        return len(self.fields)

    def copy(self) -> dict[str, object]:
        """The fields: so pulumi-policy hands a policy its configuration."""
        return self.fields.copy()


class _Converter:
    """What pulumi-policy uses of protobuf's `json_format`."""

    MessageToDict = _Unread


def _as_it_is(unread: _Unread, _proxy_secrets: object = None) -> _Unread:
    return unread


def _read(unread: object) -> object:
    properties = plain(cast("_Unread", unread).fields)
    # Before its provider is configured (its cluster is not there yet), the engine has no outputs for a new resource.
    return properties or UNKNOWN


def _resource_policy(rule: ResourceRule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        _report(rule.judge(_resources(args, [rule])), report, args)

    return ResourceValidationPolicy(rule.name, rule.title, validate, remediation_steps=rule.remedy)


def _stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        _report(rule.judge(_resources(args, [rule])), report, args)

    return StackValidationPolicy(rule.name, rule.title, validate, remediation_steps=rule.remedy)


def _undecided_resources(rules: Sequence[ResourceRule]) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        _report_undecided(rules, args, report)

    return ResourceValidationPolicy(UNDECIDED, _UNDECIDED_TITLE, validate, EnforcementLevel.ADVISORY)


def _undecided_stacks(rules: Sequence[StackRule]) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        _report_undecided(rules, args, report)

    return StackValidationPolicy(f"{UNDECIDED}-stack", _UNDECIDED_TITLE, validate, EnforcementLevel.ADVISORY)


def _exempted_resources(rules: Sequence[ResourceRule], named: set[str]) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        # A release may be let pass by the stack file too.
        may_be = args.resource_type == COMPONENT or f"{args.resource_type} {args.name}" in named
        resources = _resources(args, rules) if may_be else []
        notes = [
            f"{finding.rule}: {note}"
            for rule in rules
            for finding in rule.judge(resources)
            for note in finding.exemptions
        ]
        if notes:
            report("\n".join([f"{EXEMPTED}: {args.resource_type} {args.name}", *notes]), args.urn)
        else:
            args.not_applicable("nothing is exempted")

    return ResourceValidationPolicy(EXEMPTED, _EXEMPTED_TITLE, validate, EnforcementLevel.ADVISORY)


def _resources(args: ResourceValidationArgs | StackValidationArgs, rules: Sequence[Rule]) -> list[Resource]:
    """What these rules read of the one resource, or of all resources of the stack."""
    return [
        Resource(type=item.resource_type, name=item.name, properties=_read(item.props), urn=item.urn)
        for item in (args.resources if isinstance(args, StackValidationArgs) else [args])
        if any(rule.applies(item.resource_type) for rule in rules)
    ]


def _report(
    findings: Sequence[Finding], report: ReportViolation, args: ResourceValidationArgs | StackValidationArgs
) -> None:
    previewing = pulumi.runtime.is_dry_run()
    for finding in findings:
        if finding.verdict is Verdict.FAIL or (finding.verdict is Verdict.UNDECIDED and not previewing):
            report(finding.message(), finding.resource.urn)
    if not findings:
        args.not_applicable("nothing to judge")
    if any(finding.verdict is Verdict.UNDECIDED for finding in findings):
        args.not_applicable(UNDECIDED)


def _report_undecided(
    rules: Sequence[Rule], args: ResourceValidationArgs | StackValidationArgs, report: ReportViolation
) -> None:
    resources = _resources(args, rules) if pulumi.runtime.is_dry_run() else []
    findings = [finding for rule in rules for finding in rule.judge(resources)]
    undecided = [finding for finding in findings if finding.verdict is Verdict.UNDECIDED]
    for resource in resources:
        reasons = [
            f"{item.rule}: {reason}" for item in undecided if item.resource is resource for reason in item.reasons
        ]
        if reasons:
            report("\n".join([f"{UNDECIDED}: {resource.type} {resource.name}", *reasons]), resource.urn)
    if not undecided:
        args.not_applicable("nothing is undecided")
