"""What a rehearsal found, and how it is judged: the exit code, the reasons, the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra import capacity
from rehearsal import changes as changing
from rehearsal import cost as costing
from rehearsal import releases
from rehearsal import report as form
from rehearsal.cost import Deployed
from rehearsal.errors import ExitCode
from rehearsal.verdicts import policies

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from infra.settings import Settings
    from rehearsal.cloud.loop import Pending
    from rehearsal.cloud.node_groups import NodeGroup
    from rehearsal.events import Outcome
    from rehearsal.prices import Prices
    from rehearsal.report import Change, Report

_NAMED = 3
"""How many of a kind a sentence names."""


@dataclass(kw_only=True)
class Findings:
    """Filled as the rehearsal goes on; whatever was not reached stays empty.

    Attributes:
        stack: its name.
        settings: of the working tree.
        source: the file that they are from.
        compared_with: the reference with its commit.
        before: the stack as of the reference.
        after: the stack at the end.
        protected: URNs that were protected before.
        preview: what the preview said.
        update: what the update said.
        update_failed: whether it did not come to its end.
        pending: pods without a node at the end.
        groups: node groups at the end.
        routes: Gateways and routes that are not accepted, with Contour's reason.
        timings: seconds.
    """

    stack: str
    settings: Settings
    source: Path
    compared_with: str | None = None
    before: Deployed = field(default_factory=Deployed)
    after: Deployed = field(default_factory=Deployed)
    protected: Collection[str] = ()
    preview: Outcome | None = None
    update: Outcome | None = None
    update_failed: bool = False
    pending: Sequence[Pending] = ()
    groups: Sequence[NodeGroup] = ()
    routes: dict[str, str] = field(default_factory=dict[str, str])
    timings: form.Timings = field(default_factory=form.Timings)

    @property
    def outcomes(self) -> list[Outcome]:
        """What the engine said of the working tree's program, in order."""
        return [outcome for outcome in (self.preview, self.update) if outcome]


def report(found: Findings, *, prices: Prices) -> Report:
    """Judge what was found."""
    # The preview knows all changes, also where the update was stopped.
    steps = found.preview.steps if found.preview else {}
    changes = changing.changes(steps, protected=found.protected)
    verdicts = policies(found.outcomes)
    code, reasons = _judge(found, changes, verdicts)
    aws = found.settings.aws
    return form.Report(
        stack=found.stack,
        compared_with=found.compared_with,
        exit_code=code,
        reasons=tuple(reasons),
        applied=found.update is not None and not found.update_failed,
        changes=changes,
        unchanged=changing.unchanged(steps),
        releases=releases.steps_of(steps),
        pools=tuple(_pool(pool) for pool in capacity.pools(found.settings)),
        node_groups=tuple(
            form.NodeGroup(
                name=group.name,
                instance_type=group.instance.name,
                min=group.min,
                max=group.max,
                nodes=found.after.nodes.get(group.name, group.desired),
            )
            for group in found.groups
        ),
        pending_pods=tuple(
            form.PendingPod(pod=each.pod, reason=each.reason, remark=each.remark) for each in found.pending
        ),
        routes=found.routes,
        policies=verdicts,
        cost=costing.estimate(found.before, found.after, prices=prices, region=aws.region) if aws else None,
        timings=found.timings,
    )


def planned(outcome: Outcome) -> Deployed:
    """The stack as a preview says that it will be, with its node groups at rest."""
    return Deployed(
        resources=[
            {"type": step.type, "inputs": step.inputs} for step in outcome.steps.values() if step.change != "deleted"
        ]
    )


def _judge(found: Findings, changes: Sequence[Change], verdicts: form.Policies) -> tuple[ExitCode, list[str]]:
    """The exit code of the gravest finding, and a sentence for each."""
    reasons: list[tuple[ExitCode, str]] = []
    broken = [verdict for verdict in verdicts.findings if verdict.verdict == "fail"]
    if broken:
        reasons.append((ExitCode.FORBIDDEN, f"a rule forbids it: {_some([_why(verdict) for verdict in broken])}"))
    if losses := [
        f"{each.type} {each.name} is {each.change}, which loses {each.loses}" for each in changes if each.loses
    ]:
        reasons.append((ExitCode.STATEFUL, _some(losses)))
    if shortage := capacity.shortage(found.settings, source=found.source):
        reasons.append((ExitCode.UNSCHEDULABLE, shortage))
    if found.pending:
        pods = [f"{each.pod} ({each.remark or each.reason})" for each in found.pending]
        number = "1 pod finds" if len(pods) == 1 else f"{len(pods)} pods find"
        reasons.append((ExitCode.UNSCHEDULABLE, f"{number} no node: {_some(pods)}"))
    if found.routes:
        refused = [f"{name} ({reason})" for name, reason in found.routes.items()]
        reasons.append((ExitCode.FAILED, f"Contour does not accept {_some(refused)}"))
    failures = [failure for outcome in found.outcomes for failure in outcome.failures]
    # What was waiting for a pod fails with it.
    if failures and not found.pending:
        code = ExitCode.USAGE if found.update is None and failures[0].is_of_the_program else ExitCode.FAILED
        reasons.append((code, _some([failure.message for failure in failures])))
    elif found.update_failed and not reasons:
        reasons.append((ExitCode.FAILED, "the update failed without a reason"))
    if not reasons:
        return ExitCode.FINE, []
    return reasons[0][0], [sentence for _, sentence in reasons]


def _why(verdict: form.Verdict) -> str:
    """The rule, the resource and the first reason."""
    reason = verdict.message.partition("\n")[0].removeprefix("reason: ")
    return f"{verdict.rule}, {verdict.resource.rpartition('::')[2]}: {reason}"


def _pool(pool: capacity.PoolCapacity) -> form.Pool:
    return form.Pool(
        pool=pool.pool,
        wanted_at_rest=pool.at_rest,
        wanted_at_update=pool.at_update,
        wanted_at_release=pool.at_release,
        there_at_rest=pool.there,
        there_at_most=pool.at_most,
        nodes_to_start=pool.cold_nodes,
        seconds_for_a_node=pool.cold_seconds,
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
