"""What each command does, with what it shows."""

from __future__ import annotations

import datetime as dt
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from infra import routing
from infra.releases import Step, describe
from infra.settings import BlueGreenRelease
from rollout import gate, git, moves, show
from rollout.drive import Driver, target_of_rollback
from rollout.engine import running
from rollout.errors import BusyError, ExitCode, RolloutError
from rollout.evidence import Decision
from rollout.journal import Phase, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from infra.releases import Release
    from rollout.cluster import Seen
    from rollout.drive import Plan, Situation
    from rollout.evidence import Verdict
    from rollout.gate import Compared
    from rollout.place import Place
    from rollout.verify import Verified

Result = tuple[ExitCode, dict[str, Any] | None]


class Commands:
    """The commands on one service.

    Args:
        place: where.
        command: which of them runs.
        console: for people.
        as_json: whether a program reads the standard output.
    """

    def __init__(self, place: Place, *, command: str, console: Console, as_json: bool) -> None:
        self._place = place
        self._console = console
        self._as_json = as_json
        self._driver = Driver(place, command=command, say=self._say)
        self._yes = self._force = False
        self._reason: str | None = None
        self._branch: str | None = None

    def changing(self, *, yes: bool, force: bool, reason: str | None, branch: str | None) -> None:
        """Take the options of a command that changes something.

        Raises:
            RolloutError: they do not fit together.
        """
        if force and not reason:
            raise RolloutError("--force needs --reason TEXT", code=ExitCode.USAGE)
        if not yes and not sys.stdin.isatty():
            raise RolloutError("nobody can be asked here: --yes is needed", code=ExitCode.USAGE)
        if branch is not None:
            git.check_branch(self._place, branch)
        self._yes, self._force, self._reason, self._branch = yes, force, reason, branch

    def close(self) -> None:
        """Remove what this run alone had."""
        self._driver.close()

    def status(self) -> Result:
        """Show where the release is."""
        situation, last = self._driver.situation(), self._driver.cut_off()
        seen, unseen = self._seen(situation)
        committed = self._committed()
        there = situation.deployed
        expected = {each.slot: each.weight for each in routing.backends(there)} if there else {}
        table, rows = show.slots(committed=committed, written=situation.written, there=there, seen=seen)
        differences = show.differences(
            committed=committed, written=situation.written, there=there, expected=expected, seen=seen
        )
        since = self._driver.since(situation)
        busy = last is not None and bool(running(last.run))
        self._console.print(
            f"{self._place.service} in {self._place.stack}: {describe(there) if there else 'nothing deployed'}"
        )
        self._console.print(f"since {since or '?'}\n")
        self._console.print(table)
        for each in differences:
            self._console.print(f"! {each}")
        if unseen:
            self._console.print(f"! {unseen}")
        if last is not None:
            left = "its engine still runs" if busy else "nothing of it runs"
            sentence = f"! {last.command} ({last.step}) is under way or was cut off: phase {last.phase}; {left}"
            self._console.print(sentence)
        data = {
            "stack": self._place.stack,
            "service": self._place.service,
            "since": since,
            "slots": rows,
            "differences": differences,
            "cluster": unseen,
            "cut_off": {"command": last.command, "step": last.step, "phase": last.phase, "running": busy}
            if last
            else None,
        }
        return ExitCode.DONE, self._data(data)

    def plan(self, *, version: str | None, replicas: int | None) -> Result:
        """Show the next step."""
        situation = self._driver.situation()
        plan = self._driver.plan(situation, self._next(situation, version, replicas))
        refusal = self._driver.refusal(plan)
        self._show(plan)
        if refusal:
            self._console.print(f"! {refusal}")
        data = {**self._step(plan), "refused": refusal, "patch": plan.patch}
        return (ExitCode.FAILED if refusal else ExitCode.DONE), self._data(data)

    def advance(self, *, version: str | None, replicas: int | None, keep: bool) -> Result:
        """Take the next step, if the evidence allows it."""
        with self._driver.alone():
            self._driver.recover()
            situation = self._driver.situation()
            return self._advance(situation, version=version, replicas=replicas, keep=keep)

    def rollback(self) -> Result:
        """Lead all requests back."""
        with self._driver.alone():
            touched = self._cleared()
            situation = self._driver.situation()
            if situation.deployed is None:
                raise RolloutError("nothing is deployed to go back to")
            after = target_of_rollback(situation, ready=self._ready(situation))
            verified = self._back(situation, after, touched=touched)
            return ExitCode.DONE, self._data(self._done(situation, after, verified))

    def abort(self) -> Result:
        """Lead all requests back, and free the other slot."""
        with self._driver.alone():
            touched = self._cleared()
            situation = self._driver.situation()
            if situation.deployed is None:
                raise RolloutError("nothing is deployed to go back to")
            first, verified = situation, None
            after = situation.deployed
            for after in moves.out(situation.deployed, switched=situation.switched) or (situation.deployed,):
                verified = self._back(situation, after, touched=touched)
                situation = self._driver.situation()
            return ExitCode.DONE, self._data(self._done(first, after, verified))

    def watch(self, *, hold_minutes: float, every: float) -> Result:
        """Drive the release to its end."""
        held: dt.datetime | None = None
        decision: Decision | None = None
        with self._driver.alone():
            self._driver.recover()
            while True:
                situation = self._driver.situation()
                deployed = situation.deployed
                if deployed is not None and self._at_end(situation, deployed):
                    self._say(f"at its end: {describe(deployed)}")
                    return ExitCode.DONE, self._data(self._done(situation, deployed, None, step=self._last_step()))
                left = self._pause_left(situation)
                slots = gate.compared(deployed, switched=situation.switched) if deployed else None
                verdict = self._verdict(situation, slots, known=decision) if slots else None
                decision = self._decision(verdict, slots)
                if decision is Decision.ROLLBACK and not self._force:
                    return self._taken_back(situation, verdict)
                if left > 0:
                    self._say(f"{decision}; the pause lasts {left / 60:.1f} minutes more")
                    time.sleep(min(every, left))
                elif decision is Decision.HOLD and not self._force:
                    held = held or now()
                    if now() - held > dt.timedelta(minutes=hold_minutes):
                        return self._held(situation, verdict)
                    self._say(f"hold: {verdict.reason if verdict else ''}")
                    time.sleep(every)
                else:
                    held = None
                    try:
                        failed = self._tried(situation)
                    except BusyError as error:
                        self._say(f"waiting: {error}")
                        time.sleep(every)
                        continue
                    if failed is not None:
                        return failed

    def _tried(self, situation: Situation) -> Result | None:
        """Take the next step of a watch; one that fails halfway is led back."""
        try:
            plan, _ = self._take(situation, self._next(situation, None, None))
            if plan and self._branch:
                self._published(plan.step, plan.after)  # a watch that ends early leaves Git as far as the cluster
        except BusyError:
            raise
        except RolloutError as error:
            last = self._driver.journal.last()
            if last is None or last.phase is not Phase.FAILED:
                raise
            self._say(str(error))
            situation = self._driver.situation()
            if situation.deployed is None:
                raise
            _, told = self._taken_back(situation, None, reason=f"the step failed: {last.reason}")
            return ExitCode.FAILED, told
        return None if plan else (ExitCode.FAILED, self._data({"done": False}))

    def _advance(self, situation: Situation, *, version: str | None, replicas: int | None, keep: bool) -> Result:
        after = self._next(situation, version, replicas)
        slots = gate.compared(situation.deployed, switched=situation.switched) if situation.deployed else None
        verdict: Verdict | None = None
        if slots is not None:
            verdict = self._verdict(situation, slots)
            decision = self._decision(verdict, slots)
            if not self._force and decision is Decision.ROLLBACK:
                if keep:
                    return ExitCode.ROLLED_BACK, self._data({"verdict": verdict.to_json() if verdict else None})
                return self._taken_back(situation, verdict)
            if not self._force and decision is Decision.HOLD:
                return self._held(situation, verdict)
        plan, verified = self._take(situation, after)
        if plan is None:
            return ExitCode.FAILED, self._data({"done": False})
        told = {**self._step(plan), **self._verified(verified), "verdict": verdict.to_json() if verdict else None}
        return ExitCode.DONE, self._data({**told, **self._published(plan.step, plan.after)})

    def _take(self, situation: Situation, after: Release) -> tuple[Plan | None, Verified | None]:
        plan = self._driver.plan(situation, after)
        self._show(plan)
        confirmed = list[bool]()

        def confirm(_: Plan) -> bool:
            confirmed.append(self._yes or click.confirm("take this step?", err=True))
            return confirmed[-1]

        verified = self._driver.forward(plan, reason=self._reason, confirm=confirm)
        return (plan if confirmed[-1] else None), verified

    def _cleared(self) -> bool:
        """Clear away what was cut off; returns whether the cluster may have a part of a step that did not end well."""
        recovered = self._driver.recover(forced=self._force)
        last = self._driver.journal.last()
        return (recovered is not None and recovered.touched) or (last is not None and last.phase is Phase.FAILED)

    def _back(self, situation: Situation, after: Release, *, touched: bool) -> Verified | None:
        """Apply what leads back, if anything is not there already."""
        if after == situation.deployed == situation.written and not touched:
            self._say(f"nothing to lead back: {describe(after)}")
            return None
        self._say(f"leads back to: {describe(after)}")
        if not self._yes and not click.confirm("go back?", err=True):
            raise RolloutError("not confirmed; nothing was changed")
        return self._driver.back(situation, after, reason=self._reason, forced=self._force)

    def _taken_back(self, situation: Situation, verdict: Verdict | None, *, reason: str | None = None) -> Result:
        reason = reason or f"the evidence is against it: {verdict.reason if verdict else '?'}"
        self._say(reason)
        self._reason = self._reason or reason
        after = target_of_rollback(situation, ready=self._ready(situation))
        self._yes = True  # the verdict asked for it
        verified = self._back(situation, after, touched=self._cleared())
        told = {**self._done(situation, after, verified), "verdict": verdict.to_json() if verdict else None}
        return ExitCode.ROLLED_BACK, self._data(told)

    def _held(self, situation: Situation, verdict: Verdict | None) -> Result:
        reason = verdict.reason if verdict else "no verdict: Prometheus does not answer"
        self._say(f"hold: {reason}. Without evidence: --force --reason TEXT")
        assert situation.deployed is not None  # noqa: S101  # there is no verdict on nothing
        data = {"held": describe(situation.deployed), "verdict": verdict.to_json() if verdict else None, "why": reason}
        return ExitCode.HOLD, self._data({**data, "patch": git.patch(self._place)})

    def _next(self, situation: Situation, version: str | None, replicas: int | None) -> Release:
        if version is None:
            return moves.forward(situation.deployed, situation.written, switched=situation.switched)
        if situation.deployed is None:
            raise RolloutError(
                "nothing is deployed yet; the first version comes by the stack file", code=ExitCode.USAGE
            )
        return moves.prepared(situation.deployed, version, replicas=replicas)

    def _decision(self, verdict: Verdict | None, slots: Compared | None) -> Decision:
        if slots is None:
            return Decision.ADVANCE  # the newer version has had no requests yet
        return gate.decision(verdict, slots) if verdict else Decision.HOLD

    def _verdict(self, situation: Situation, slots: Compared, *, known: Decision | None = None) -> Verdict | None:
        since = self._since(situation)
        try:
            cluster = self._driver.cluster(situation.text)
            verdict = gate.ask(cluster, situation.service, slots, since=since, released=self._driver.journal.released())
        except RolloutError as error:
            self._say(f"no verdict: {error}")
            return None
        if gate.decision(verdict, slots) is not known:
            self._console.print(verdict.table())
        return verdict

    def _since(self, situation: Situation) -> dt.datetime:
        said = self._driver.since(situation)
        if said is None:
            raise RolloutError("nobody knows since when what is deployed is there")
        return dt.datetime.fromisoformat(said)

    def _pause_left(self, situation: Situation) -> float:
        """Seconds that what is deployed must last yet."""
        deployed = situation.deployed
        if deployed is None or gate.compared(deployed, switched=situation.switched) is None:
            return 0.0
        minutes = deployed.keep_minutes if isinstance(deployed, BlueGreenRelease) else deployed.pause_minutes
        return (self._since(situation) + dt.timedelta(minutes=minutes) - now()).total_seconds()

    def _at_end(self, situation: Situation, deployed: Release) -> bool:
        return len(list(deployed.slots())) == 1 and situation.written == deployed

    def _ready(self, situation: Situation) -> bool:
        """Whether each slot has pods that answer; where the cluster does not say, nobody doubts it."""
        seen, _ = self._seen(situation)
        if seen is None or situation.deployed is None:
            return True
        return all(name in seen.slots and seen.slots[name].ready for name, _ in situation.deployed.slots())

    def _seen(self, situation: Situation) -> tuple[Seen | None, str | None]:
        try:
            return self._driver.cluster(situation.text).see(self._place.service), None
        except RolloutError as error:
            return None, str(error)

    def _committed(self) -> Release | None:
        text = git.committed(self._place)
        try:
            return self._place.service_of(text).release if text else None
        except (RolloutError, ValueError):
            return None

    def _show(self, plan: Plan) -> None:
        before = describe(plan.before) if plan.before else "nothing"
        self._console.print(f"{plan.step}: {before} -> {describe(plan.after)}\n")
        if plan.patch:
            self._console.print(plan.patch, markup=False)
        self._console.print(show.changes(plan.changes), markup=False)
        for each in plan.preview.advice:
            self._console.print(f"  advice: {each.text.splitlines()[0]}", markup=False)

    def _step(self, plan: Plan) -> dict[str, Any]:
        return {
            "step": plan.step,
            "before": plan.before.model_dump(mode="json") if plan.before else None,
            "after": plan.after.model_dump(mode="json"),
            "changes": [{"urn": each.urn, "change": each.change, "keys": list(each.keys)} for each in plan.changes],
            "beside": [{"urn": each.urn, "change": each.change} for each in plan.beside],
        }

    def _last_step(self) -> Step:
        last = self._driver.journal.last()
        return last.step if last else Step.NOTHING

    def _done(
        self, situation: Situation, after: Release, verified: Verified | None, *, step: Step = Step.ROLLBACK
    ) -> dict[str, Any]:
        before = situation.deployed
        told = {
            "before": before.model_dump(mode="json") if before else None,
            "after": after.model_dump(mode="json"),
            **self._verified(verified),
        }
        return {**told, **self._published(step, after)}

    def _verified(self, verified: Verified | None) -> dict[str, Any]:
        return {"verified": verified.as_json() if verified else None}

    def _published(self, step: Step, after: Release) -> dict[str, Any]:
        """Bring the stack file into Git, or say how."""
        if self._branch is not None:
            reason = f"\n\n{self._reason}" if self._reason else ""
            message = f"{self._place.service} in {self._place.stack}: {step} to {describe(after)}{reason}"
            made = git.commit(self._place, self._branch, message)
            self._say(f"committed on {self._branch}: {made[:12]}")
            return {"commit": made, "branch": self._branch}
        patch = git.patch(self._place)
        if patch and not self._as_json:
            self._say(f"{self._place.source.name} differs from the last commit by:")
            click.echo(patch)
        return {"patch": patch}

    def _data(self, data: dict[str, Any]) -> dict[str, Any] | None:
        return data if self._as_json else None

    @property
    def _say(self) -> Callable[[str], None]:
        return lambda line: self._console.print(line, markup=False)
