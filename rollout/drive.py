"""One step of a release, from the plan to the proof; and the way back, also out of a step that was cut off."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from infra import routing
from infra.releases import Step, describe, step_between
from rollout import confined, deployed, engine, moves, stack_file, verify
from rollout.cluster import Cluster
from rollout.engine import Engine
from rollout.errors import BusyError, RolloutError
from rollout.journal import Entry, Journal, Phase, now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping

    from infra.releases import Release
    from infra.settings import Service
    from rollout.confined import Planned
    from rollout.engine import Preview
    from rollout.place import Place
    from rollout.verify import Verified

_READY_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Where a release is.

    Attributes:
        text: of the stack file.
        service: as the stack file has it.
        outputs: of the stack.
        deployed: the release that is deployed; None where none is.
        switched: of two colours, whether the newer one has the requests; None where nobody recorded it.
    """

    text: str
    service: Service
    outputs: Mapping[str, Any]
    deployed: Release | None
    switched: bool | None

    @property
    def written(self) -> Release:
        """The release in the stack file."""
        return self.service.release


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A step that may be taken.

    Attributes:
        step: what it does.
        before: what is deployed.
        after: what is wanted.
        text: the stack file afterwards.
        patch: what changes in it.
        preview: what would change.
        own: URNs of the service's resources.
        stack: the URN of the stack itself; None where it is not there yet.
    """

    step: Step
    before: Release | None
    after: Release
    text: str
    patch: str
    preview: Preview
    own: frozenset[str]
    stack: str | None

    @property
    def changes(self) -> list[Planned]:
        """What would change of the service."""
        return confined.changed(self.preview.resources, self.own)

    @property
    def beside(self) -> list[Planned]:
        """What would change and is not the service's."""
        return confined.beside(self.preview.resources, self.own)


class Driver:
    """What the command does to one service.

    Args:
        place: where.
        command: advance, rollback, abort, watch, plan or status.
        say: told what goes on, line by line.
    """

    def __init__(self, place: Place, *, command: str, say: Callable[[str], None]) -> None:
        self.place = place
        self.journal = Journal(place.folder / f"{place.service}.jsonl")
        self.run = uuid.uuid4().hex[:12]
        self._command = command
        self._say = say
        self._engine = Engine(place, run=self.run, say=self._heard)

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Keep other runs of the command off the stack.

        Raises:
            RolloutError: one is under way.
        """
        lock = FileLock(self.place.folder / "lock", timeout=0)
        try:
            with lock:
                yield
        except Timeout:
            raise RolloutError(f"another run of the command works on the stack {self.place.stack}") from None

    def close(self) -> None:
        """Remove what this run alone had."""
        self._engine.close()

    def situation(self) -> Situation:
        """Read the stack file and what is deployed.

        Raises:
            SettingsError: the stack file is not what the settings allow.
            RolloutError: Pulumi does not say what is deployed.
        """
        text = self.place.read()
        service = self.place.service_of(text)
        outputs = self._engine.outputs()
        there = deployed.release(outputs, service.name, like=service.release)
        switched = self.journal.switched(there) if there else None
        if switched is None:
            switched = deployed.switched(outputs, service.name)
        return Situation(text=text, service=service, outputs=outputs, deployed=there, switched=switched)

    def cluster(self, text: str) -> Cluster:
        """The cluster that the text of a stack file names.

        Raises:
            RolloutError: nobody knows where it is.
        """
        place = self.place
        settings = place.settings_of(text)
        return Cluster(settings, stack=place.stack, project=place.project, environment=place.environment)

    def cut_off(self) -> Entry | None:
        """The last fact of a step that never ended, of this service; only meant while nobody else runs."""
        last = self.journal.last()
        return last if last and not last.ended else None

    def recover(self, *, forced: bool = False) -> Entry | None:
        """Clear away what a run left that was cut off: its processes, its lock, what its state does not know.

        Args:
            forced: whether to go on where the cluster cannot be asked what is there.

        Returns:
            The last fact of what was cut off; None where nothing was.
        """
        for file in self.place.folder.glob("*.jsonl"):
            last = Journal(file).last()
            if last and not last.ended and (ended := engine.end_run(last.run)):
                self._say(f"ended {ended} processes of the run that was cut off")
        last = self.cut_off()
        if last is None:
            return None
        for left in self.place.folder.glob(f"Pulumi.*.{last.run}.yaml"):
            left.unlink(missing_ok=True)
        self._say(f"the last run was cut off at {last.step}, phase {last.phase}")
        if last.touched:
            self._say("refreshing what is known of the service")
            try:
                self._engine.refresh(self.place.read(), targets=sorted(self._own(self._engine.state(), last)))
            except RolloutError as error:
                if not forced:
                    raise
                self._say(f"not refreshed: {error}")
        reason = f"cut off in phase {last.phase}"
        self._note(last, Phase.RECOVERED, reason=reason)
        return last

    def plan(self, situation: Situation, after: Release) -> Plan:
        """Look at what a step would do, and change nothing.

        Raises:
            StepRefusedError: it is no step.
        """
        step = step_between(situation.deployed, after)
        return self._plan(situation, after, step, self._text(situation.text, after))

    def forward(self, plan: Plan, *, reason: str | None, confirm: Callable[[Plan], bool]) -> Verified | None:
        """Take a step, if nothing speaks against it.

        Args:
            plan: of the step.
            reason: why, where somebody gave one.
            confirm: asked last, before anything changes.

        Returns:
            What was verified; None where nobody confirmed.

        Raises:
            RolloutError: it was refused, or failed.
        """
        entry = self._begin(plan.step, before=plan.before, after=plan.after, reason=reason)
        if why := self.refusal(plan):
            self._note(entry, Phase.REFUSED, reason=why)
            raise RolloutError(why)
        self._note(entry, Phase.PREVIEWED, reason=reason)
        if not confirm(plan):
            self._note(entry, Phase.REFUSED, reason="not confirmed")
            return None
        slots = [name for name, _ in routing.slots(plan.after)]
        return self._apply(plan, entry, slots=slots, apply=lambda: self._forward(plan))

    def back(self, situation: Situation, after: Release, *, reason: str | None, forced: bool) -> Verified | None:
        """Lead requests back: the service's own resources alone, the route first.

        Args:
            situation: where the release is.
            after: where it should be.
            reason: why.
            forced: whether to go on against policies, and where the split cannot be verified.

        Raises:
            RolloutError: it failed.
        """
        before = situation.deployed
        step = step_between(before, after)
        text = self._text(situation.text, after)
        entry = self._begin(step, before=before, after=after, reason=reason)
        # What else the file says of other services is not a part of this, and must not be recorded as deployed.
        applied = deployed.others_as_deployed(self.place, text, situation.outputs)
        plan = self._plan(situation, after, step, text, applied=applied)
        against = [each.text for each in plan.preview.problems if each.urn in plan.own]
        if against and not forced:
            why = f"refused: {'; '.join(against)}. To go on all the same: --force --reason TEXT"
            self._note(entry, Phase.REFUSED, reason=why)
            raise RolloutError(why)
        self._note(entry, Phase.PREVIEWED, reason=reason)
        for each in plan.beside:
            self._say(f"left as it is: {each.name} ({each.change})")
        # One without requests may be as broken as it is: it is what is led back from.
        slots = [each.slot for each in routing.backends(after) if each.weight]
        return self._apply(
            plan,
            entry,
            slots=slots,
            apply=lambda: self._lead_back(plan, applied),
            forced=forced,
        )

    def refusal(self, plan: Plan) -> str | None:
        """Why a step may not be taken; None if it may."""
        if plan.preview.problems:
            return "refused: " + "; ".join(each.text for each in plan.preview.problems)
        if plan.beside:
            others = ", ".join(f"{each.name} ({each.change})" for each in plan.beside)
            return (
                f"refused: this step would change more than {self.place.service}: {others}. Allowed: resources of its "
                f"release and its images. Apply the others first, by themselves"
            )
        return None

    def since(self, situation: Situation) -> str | None:
        """When the state that is deployed began, in words; None where nobody knows."""
        begun = self.journal.begun(situation.deployed) if situation.deployed else None
        if begun is not None:
            return begun.isoformat(timespec="seconds")
        # Another way led here: the program records it too, and before the program did, the engine.
        recorded: dict[str, Any] = situation.outputs.get("releases", {}).get(situation.service.name, {})
        return recorded.get("last", {}).get("since") or self._engine.updated()

    def _plan(self, situation: Situation, after: Release, step: Step, text: str, *, applied: str | None = None) -> Plan:
        preview = self._engine.preview(applied or text, rules=True)
        # A preview that fails does not name all that there is.
        there = self._engine.state() if preview.problems else ()
        known = {each.urn: each for each in (*there, *preview.resources)}
        versions = [release for release in (situation.deployed, situation.written, after) if release]
        return Plan(
            step=step,
            before=situation.deployed,
            after=after,
            text=text,
            patch=stack_file.difference(situation.text, text, name=self.place.source.name),
            preview=preview,
            own=confined.own(known.values(), service=self.place.service, images=self._images(*versions)),
            stack=confined.stack_urn(known.values()),
        )

    def _apply(
        self, plan: Plan, entry: Entry, *, slots: Collection[str], apply: Callable[[], None], forced: bool = False
    ) -> Verified | None:
        """Write, apply, wait for these slots, verify; each of it a line in the journal before the next begins."""
        before = self.place.read()
        try:
            self.place.write(plan.text)
            self._note(entry, Phase.WRITTEN, reason=entry.reason)
            self._say(f"{plan.step}: {describe(plan.after)}")
            self._note(entry, Phase.APPLYING, reason=entry.reason)
            apply()
            self._note(entry, Phase.APPLIED, reason=entry.reason)
            verified = self._prove(plan, entry, slots=slots, forced=forced)
        except BusyError as error:
            self.place.write(before)
            self._note(entry, Phase.REFUSED, reason=str(error))
            raise
        except RolloutError as error:
            self._note(entry, Phase.FAILED, reason=str(error))
            raise RolloutError(
                f"{error}\n{self.place.source.name} says {describe(plan.after)}. "
                f"To lead requests back: python -m rollout rollback --stack {self.place.stack} "
                f"--service {self.place.service}"
            ) from None
        self._note(entry, Phase.DONE, reason=entry.reason)
        self._engine.forget()
        return verified

    def _prove(self, plan: Plan, entry: Entry, *, slots: Collection[str], forced: bool) -> Verified | None:
        endpoint = verify.endpoint(self._engine.outputs(), self.place.service)
        try:
            self.cluster(plan.text).wait(self.place.service, slots, seconds=_READY_SECONDS)
            self._note(entry, Phase.READY, reason=entry.reason)
            return verify.verify(endpoint, plan.after, tested=slots, say=self._say)
        except RolloutError as error:
            if not forced:
                raise
            self._say(f"not verified: {error}")
            return None

    def _lead_back(self, plan: Plan, text: str) -> None:
        """The route by itself first, as a slot that does not become ready would hold up all that comes after it."""
        route = confined.route(plan.own, service=self.place.service)
        creates = any(each.change not in {"update", "delete"} for each in plan.changes)
        moved = any(each.urn == route for each in plan.changes)
        if route and moved and not creates and len(plan.changes) > 1:
            self._engine.up(text, rules=False, targets=[route], message=f"{plan.step}: the route of {plan.after}")
            self._say("the route leads back")
            try:
                self._back(plan, text)
            except BusyError as error:  # a part is there already: the stack file must go on saying so
                raise RolloutError(str(error)) from None
        else:
            self._back(plan, text)

    def _forward(self, plan: Plan) -> None:
        """Everything, as the preview has shown that only the service changes: an aimed update can fail by chance."""
        self._engine.up(plan.text, rules=True, targets=None, message=self._message(plan))

    def _back(self, plan: Plan, text: str) -> None:
        """The service's own resources alone, whatever else would change; not aimed where nothing else is known to."""
        targets: list[str] | None = None
        if plan.beside or plan.preview.problems:
            targets = [*sorted(plan.own), *([plan.stack] if plan.stack else [])]
        # Policies have judged the preview; those that speak against other resources do not count here.
        self._engine.up(text, rules=False, targets=targets, message=self._message(plan))

    def _message(self, plan: Plan) -> str:
        return f"rollout {self._command}: {self.place.service}: {plan.step} to {describe(plan.after)}"

    def _text(self, text: str, after: Release) -> str:
        return stack_file.with_release(text, service=self.place.service, release=after, source=self.place.source)

    def _own(self, resources: tuple[Planned, ...], last: Entry) -> frozenset[str]:
        versions = [release for release in (last.before, last.after) if release]
        return confined.own(resources, service=self.place.service, images=self._images(*versions))

    def _images(self, *releases: Release) -> frozenset[str]:
        """The names of the serving images: see infra.images."""
        text = self.place.read()
        variant = self.place.settings_of(text).pool(self.place.service_of(text).pool).variant
        suffix = "" if variant == "cpu" else f"-{variant}"
        versions = {slot.version for release in releases for _, slot in release.slots()}
        return frozenset(f"{self.place.service}-{version}{suffix}" for version in versions)

    def _begin(self, step: Step, *, before: Release | None, after: Release, reason: str | None) -> Entry:
        entry = Entry(
            time=now(),
            run=self.run,
            command=self._command,
            step=step,
            phase=Phase.PLANNED,
            before=before,
            after=after,
            reason=reason,
        )
        self.journal.add(entry)
        return entry

    def _note(self, of: Entry, phase: Phase, *, reason: str | None) -> None:
        self.journal.add(replace(of, time=now(), phase=phase, reason=reason))

    def _heard(self, line: str) -> None:
        if line.strip():
            self._say(f"  {line.strip()}")


def target_of_rollback(situation: Situation, *, ready: bool) -> Release:
    """Where a rollback leads.

    The newer version stays, without requests, to be looked at; unless its slot, or one that would have to be made for
    it, could hold up the way back: then its slot is freed.
    """
    assert situation.deployed is not None  # noqa: S101  # the caller asked
    after = moves.back(situation.deployed, switched=situation.switched)
    more = {name for name, _ in routing.slots(after)} - {name for name, _ in routing.slots(situation.deployed)}
    if ready and not more:
        return after
    return next(iter(moves.out(situation.deployed, switched=situation.switched)), after)
