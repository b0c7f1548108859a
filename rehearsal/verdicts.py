"""The rules' verdicts, out of what the engine says of its policies (see policies/pack.py for the three)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.report import Policies, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.events import Outcome, Violation

_UNDECIDED = ("undecided", "undecided-stack")
"""The policies under which the pack reports what it cannot decide before an update."""


def policies(outcomes: Sequence[Outcome]) -> Policies:
    """Merge what a preview and its update say. What the update decided is not undecided any more.

    Args:
        outcomes: of one program, in the order in which they ran.
    """
    if not outcomes:
        return Policies(passed=(), findings=())
    findings = {
        (verdict.rule, verdict.resource, verdict.message): verdict
        for outcome in outcomes
        for violation in outcome.violations
        for verdict in _verdicts(violation)
        if verdict.verdict == "fail" or outcome is outcomes[-1]
    }
    failed = {verdict.rule for verdict in findings.values()}
    passed = {rule for outcome in outcomes for rule in outcome.passed} - failed - set(_UNDECIDED)
    return Policies(passed=tuple(sorted(passed)), findings=tuple(sorted(findings.values(), key=_rank)))


def _verdicts(violation: Violation) -> list[Verdict]:
    lines = violation.message.splitlines()
    if violation.policy not in _UNDECIDED:
        # The first line is the rule's title, the second names rule and resource, which stand beside the message.
        message = "\n".join(lines[2:]) or violation.message
        return [Verdict(rule=violation.policy, verdict="fail", resource=violation.urn, message=message)]
    # A line for each rule: `rule: what must be so; that is not known before the update`.
    reasons = [line.partition(": ") for line in lines if ": " in line and not line.startswith(_UNDECIDED[0])]
    return [
        Verdict(rule=rule, verdict="undecided", resource=violation.urn, message=message)
        for rule, _, message in reasons
        if " " not in rule
    ]


def _rank(verdict: Verdict) -> tuple[bool, str, str]:
    return (verdict.verdict != "fail", verdict.rule, verdict.resource)
