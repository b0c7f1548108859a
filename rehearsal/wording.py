"""The sentences of a report, the same on a terminal and in Markdown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rehearsal.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rehearsal.report import Change, Cost, NodeGroup, Pool, Release, Report

_VERDICTS = {
    ExitCode.FINE: "fine",
    ExitCode.FAILED: "it fails",
    ExitCode.USAGE: "the settings are refused",
    ExitCode.FORBIDDEN: "a rule forbids it",
    ExitCode.UNSCHEDULABLE: "pods would not find a node, or there are too few GPUs",
    ExitCode.STATEFUL: "it would replace or delete something that holds data",
}
_NAMED_INPUTS = 4


def verdict(report: Report) -> str:
    """What comes out of it, in one line."""
    since = f" since {report.compared_with}" if report.compared_with else ", as a new stack"
    return f"{report.stack}{since}: {_VERDICTS[report.exit_code]} (exit code {report.exit_code.value})"


def counts(report: Report) -> str:
    """How many resources change."""
    parts = [f"{number} {kind}" for kind, number in report.counts().items()]
    done = "" if report.applied else " (planned; the update did not run to its end)"
    return f"{', '.join(parts)}, {report.unchanged} unchanged{done}"


def change(each: Change) -> str:
    """One change, without what kind it is."""
    text = f"{each.type} {each.name}"
    if each.because_of and each.change in {"replaced", "updated"}:
        named = ", ".join(each.because_of[:_NAMED_INPUTS])
        more = len(each.because_of) - _NAMED_INPUTS
        text += f" because of {named}" + (f" and {more} more" if more > 0 else "")
    if each.loses:
        text += f": loses {each.loses}"
    if each.protected:
        text += " (protected: a real update refuses this)"
    return text


def by_type(changes: Iterable[Change]) -> list[str]:
    """Numbers of changes by kind and type, where there are too many to list."""
    numbers = Counter((each.change, each.type) for each in changes)
    return [f"{kind:9} {number:3} x {token}" for (kind, token), number in sorted(numbers.items())]


def release(each: Release) -> str:
    """The step of a release, with both states."""
    return f"{each.service}: {each.step}: from {each.previous or 'nothing'} to {each.wanted}"


def pool(each: Pool) -> tuple[str, ...]:
    """The cells of a pool's row."""
    wanted = (each.wanted_at_rest, each.wanted_at_update, each.wanted_at_release)
    there = (each.there_at_rest, each.there_at_most)
    return (each.pool, *map(str, wanted), *("not known" if number is None else str(number) for number in there))


def shortages(report: Report) -> list[str]:
    """Where a release would want more GPUs than its pool may have."""
    return [
        f"{each.pool}: a release in which both slots run at full size wants {each.wanted_at_release} GPUs,"
        f" and the pool has {each.there_at_most} at most; lower replicas before it begins, or enlarge the pool"
        for each in report.pools
        if each.there_at_most is not None and each.wanted_at_release > each.there_at_most
    ]


def cold_nodes(report: Report) -> list[str]:
    """What a release waits for, where nodes have to be started for it."""
    return [
        f"{each.pool}: at the height of a release {_nodes(each.nodes_to_start)} to be started, "
        f"and a pod waits about {each.seconds_for_a_node} s for one (an estimate: infra/cold_nodes.py)"
        for each in report.pools
        if each.nodes_to_start
    ]


def _nodes(number: int) -> str:
    return "1 node has" if number == 1 else f"{number} nodes have"


def node_group(each: NodeGroup) -> str:
    """The size of a node group at the end."""
    limits = f"from {each.min} to {each.max}"
    return f"node group {each.name}: {each.nodes} x {each.instance_type} at the end ({limits})"


def policies(report: Report) -> str:
    """How many rules say what."""
    verdicts = Counter(finding.verdict for finding in report.policies.findings)
    passed = len(report.policies.passed)
    against = f"{verdicts['fail']} findings against, {verdicts['exempted']} exempted, {verdicts['undecided']} undecided"
    return f"{passed} rules pass, {against}"


def findings(report: Report) -> list[tuple[str, str, list[str]]]:
    """Each finding as its verdict, its subject and its lines; what is undecided, rule by rule."""
    listed = [
        (each.verdict, f"{each.rule}: {_name(each.resource)}", each.message.splitlines())
        for each in report.policies.findings
        if each.verdict != "undecided"
    ]
    waiting: dict[str, list[str]] = {}
    for each in report.policies.findings:
        if each.verdict == "undecided":
            waiting.setdefault(each.rule, []).append(_name(each.resource))
    return listed + [("undecided", f"{rule}: {', '.join(names)}", list[str]()) for rule, names in waiting.items()]


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def cost(each: Cost) -> str:
    """The sums."""
    sums = (
        f"{each.before:,.0f} before, {each.after:,.0f} after, {each.at_most:,.0f} with every node group at its maximum"
    )
    return f"{sums} ({each.currency} a month, {each.region})"


def cost_notes(each: Cost) -> list[str]:
    """Where the prices come from, and what has none."""
    notes = [f"prices of {each.prices_of}: {each.source}"]
    if each.stale:
        notes.append("they are older than half a year: expect a few per cent, or more, of difference")
    if each.without_price:
        notes.append(f"no price is known, so these are not in the sums: {', '.join(each.without_price)}")
    return notes


def timings(report: Report) -> str:
    """How long the parts took."""
    parts = report.timings.model_dump()
    total = parts.pop("total")
    named = ", ".join(f"{name.replace('_', ' ')} {seconds} s" for name, seconds in parts.items() if seconds is not None)
    return f"Took {total} s" + (f": {named}." if named else ".")
