"""The rules' verdicts, out of what the engine says of its policies (see policies/pack.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.report import Policies, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rehearsal.events import Outcome, Violation
    from rehearsal.report import Answer

_UNDECIDED, _EXEMPTED = "undecided", "exempted"
"""The policies under which the pack reports what it cannot decide before an update, and what was let pass by name."""


def policies(outcomes: Sequence[Outcome]) -> Policies:
    """Merge what a preview and its update say. What the update decided is not undecided any more.

    Args:
        outcomes: of one program, in the order in which they ran.
    """
    messages: dict[tuple[Answer, str, str], dict[str, None]] = {}
    for outcome in outcomes:
        said: dict[tuple[Answer, str, str], dict[str, None]] = {}
        for violation in outcome.violations:
            for answer, rule, message in _read(violation):
                if answer != "undecided" or outcome is outcomes[-1]:
                    said.setdefault((answer, rule, violation.urn), {})[message] = None
        messages |= said  # what is said twice is taken from the update, which knows every value
    findings = [
        Verdict(rule=rule, verdict=answer, resource=urn, message="\n".join(texts))
        for (answer, rule, urn), texts in messages.items()
    ]
    doubtful = {finding.rule for finding in findings if finding.verdict != "exempted"}
    passed = {rule for outcome in outcomes for rule in outcome.passed} - doubtful
    rules = {rule for rule in passed if not rule.startswith((_UNDECIDED, _EXEMPTED))}
    return Policies(passed=tuple(sorted(rules)), findings=tuple(sorted(findings, key=_rank)))


def _read(violation: Violation) -> Iterator[tuple[Answer, str, str]]:
    """The answers in one report of the engine, each with its rule and what it says."""
    lines = violation.message.splitlines()
    for policy, answer in _ANSWERS.items():
        if violation.policy.startswith(policy):
            # A line for each reason: `rule: what must be so; that is not known before the update`.
            for line in lines[2:]:
                rule, _, message = line.partition(": ")
                yield answer, rule, message
            return
    # The first line is the rule's title, the second names rule and resource, which stand beside the message.
    yield "fail", violation.policy, "\n".join(lines[2:]) or violation.message


def _rank(verdict: Verdict) -> tuple[int, str, str]:
    return (_ORDER.index(verdict.verdict), verdict.rule, verdict.resource)


_ORDER: tuple[Answer, ...] = ("fail", "exempted", "undecided")
_ANSWERS: dict[str, Answer] = {_UNDECIDED: "undecided", _EXEMPTED: "exempted"}
