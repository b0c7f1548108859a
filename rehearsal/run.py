"""One rehearsal from beginning to end."""

from __future__ import annotations

import base64
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING

from infra import capacity, settings
from infra.settings.errors import SettingsError
from local.control_plane import PORT_NAMES
from local.toolbox import Toolbox
from rehearsal import aws_command, control_plane, findings, folder, keeper, placeholders, plugins, ports, prices, source
from rehearsal.cloud import addons, contour
from rehearsal.cloud.contour import Contour
from rehearsal.cloud.load_balancers import LoadBalancers
from rehearsal.cloud.loop import Cloud
from rehearsal.cloud.nodes import Nodes
from rehearsal.cloud.volumes import Volumes
from rehearsal.cost import Deployed
from rehearsal.errors import RehearsalError, UsageError
from rehearsal.findings import Findings
from rehearsal.pulumi import Pulumi
from tools.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.settings import Settings
    from local.progress import Progress
    from rehearsal.control_plane import RunningPlane
    from rehearsal.folder import Folder
    from rehearsal.pulumi import Ended
    from rehearsal.report import Report

_NO_ACCOUNT = "000000000000"
_SETTLE_SECONDS = 20.0
_POLL_SECONDS = 0.2


def rehearse(
    stack: str, *, reference: str | None, checkout: Path, program: Path | None = None, progress: Progress
) -> Report:
    """Apply a stack as of a reference, then as of the working tree, on a control plane of its own.

    Args:
        stack: its name.
        reference: a git reference; None to begin with nothing.
        checkout: whose rules and stand-ins are used.
        program: whose program and stack file are applied, if not the checkout's.
        progress: told what is being done.

    Raises:
        UsageError: the stack or the reference does not exist, or a setting is wrong.
        RehearsalError: the rehearsal itself could not be done.
    """
    begin = monotonic()
    program = program or checkout
    wanted = read_settings(stack, program)
    price_table = prices.load()
    found = Findings(stack=stack, settings=wanted, source=settings.stack_file(stack, program))
    if reference:
        source.check_stack(program, reference, stack)
        found.compared_with = f"{reference} ({source.commit_of(program, reference)[:12]})"
    if capacity.shortage(wanted, source=found.source) is None:  # else the program refuses, and nothing could be applied
        if dead := folder.clear_dead(checkout):
            progress.note(f"removed what {dead} killed rehearsal(s) left")
        with ExitStack() as ends:
            prepared = Rehearsal.prepare(ends, found, checkout=checkout, program=program, progress=progress)
            prepared.play(reference)
    found.timings = found.timings.model_copy(update={"total": round(monotonic() - begin, 1)})
    return findings.report(found, prices=price_table)


def read_settings(stack: str, program: Path) -> Settings:
    """The settings of a stack.

    Raises:
        UsageError: there is no such stack, or something in its file is wrong.
    """
    try:
        return settings.read(stack, program)
    except SettingsError as error:
        raise UsageError(str(error)) from None


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A rehearsal whose control plane is ready and whose stack is empty."""

    found: Findings
    checkout: Path
    program: Path
    folder: Folder
    plane: RunningPlane
    cloud: Cloud
    pulumi: Pulumi
    progress: Progress

    @classmethod
    def prepare(
        cls, ends: ExitStack, found: Findings, *, checkout: Path, program: Path, progress: Progress
    ) -> Rehearsal:
        """Start everything; `ends` ends it."""
        begin = monotonic()
        place = ends.enter_context(folder.claim(checkout, found.stack))
        ends.enter_context(keeper.kept(place))
        numbers = ends.enter_context(ports.reserved((*PORT_NAMES, *contour.PORT_NAMES)))
        tools, stages = Toolbox(checkout / ".tools" / "bin"), checkout / ".tools" / "share" / "kwok" / "stages"
        progress.waiting_for(["control plane"])
        home = plugins.install(place, checkout=checkout)
        pulumi = Pulumi(place, stack=found.stack, home=home, path=environment()["PATH"])
        with ThreadPoolExecutor(max_workers=1) as beside:
            created = beside.submit(pulumi.create, program)
            plane = control_plane.start(
                place,
                numbers,
                tools=tools,
                stages=stages,
                context=placeholders.context(found.settings),
            )
            created.result()
        addons.install(plane.api)
        aws_command.install(place, token=plane.token)
        _tell(place, plane, found.settings)
        placeholders.write_machines(found.settings, place)
        cloud = Cloud(
            plane.api,
            nodes=Nodes(plane.api, place.node_groups),
            load_balancers=LoadBalancers(plane.api),
            volumes=Volumes(plane.api),
            contour=Contour(plane.api, place, program=tools.find("contour"), ports=numbers),
        )
        ends.enter_context(cloud)
        _time(found, "control_plane", monotonic() - begin)
        progress.done("control plane")
        return cls(
            found=found,
            checkout=checkout,
            program=program,
            folder=place,
            plane=plane,
            cloud=cloud,
            pulumi=pulumi,
            progress=progress,
        )

    def play(self, reference: str | None) -> None:
        """Apply the stack as of the reference, if there is one, and then the working tree's."""
        if reference:
            self._apply_base(reference)
        project = self.project()
        rules = self.checkout / "policies"
        preview = self._watched("preview", self.pulumi.preview, project, rules)
        self.found.preview, self.found.after = preview.outcome, findings.planned(preview.outcome)
        if preview.status:
            self._check_said_why(preview)
            return
        update = self._watched("update", self.pulumi.up, project, rules)
        self.found.update, self.found.update_failed = update.outcome, bool(update.status)
        self._look_around()
        if update.status and not self.found.pending:
            self._check_said_why(update)
        self.found.after = self._deployed()

    def project(self) -> Path:
        """Make the folder in which Pulumi works on the working tree's program."""
        project = source.working_tree(self.program, self.folder.project, checkout=self.checkout)
        placeholders.describe_cluster(self.found.settings, project, self.folder)
        return project

    def _apply_base(self, reference: str) -> None:
        project = source.export(self.program, reference, self.folder.project, checkout=self.checkout)
        placeholders.describe_cluster(self.found.settings, project, self.folder)
        # Without rules: what is there is there, and today's rules may know better.
        base = self._watched("base", self.pulumi.up, project, None)
        if base.status:
            said = [f"{each.pod}: {each.reason}" for each in self.cloud.pending]
            said = said or [failure.message for failure in base.outcome.failures] or [base.output.strip()[-500:]]
            raise RehearsalError(
                f"the stack as of {reference} cannot be applied, so there is nothing to compare with: {said[0]}"
            )
        self._look_around()
        self.found.before = self._deployed()
        self.found.protected = frozenset(
            str(resource["urn"]) for resource in self.found.before.resources if resource.get("protect")
        )
        if self.found.protected:
            self.pulumi.unprotect()
        # The working tree takes its place: a path that an input holds is no change.
        shutil.rmtree(project)

    def _watched(self, name: str, command: Callable[..., Ended], project: Path, rules: Path | None) -> Ended:
        def watch(done: int) -> bool:
            self.progress.waiting_for([f"{name}: {done} resources"])
            self.plane.check()
            if isinstance(self.cloud.problem, RehearsalError):
                raise self.cloud.problem
            return not self.cloud.stuck

        ended = command(project, rules=rules, watch=watch)
        _time(self.found, name, ended.outcome.seconds)
        self.progress.done(f"{name}, {len(ended.outcome.steps)} resources")
        return ended

    def _look_around(self) -> None:
        """Wait until no pod waits for a node that is coming, and until Contour has judged; note what is left."""
        self.progress.waiting_for(["pods"])
        deadline = monotonic() + _SETTLE_SECONDS
        while monotonic() < deadline:
            settled = self.cloud.turns > 1 and (not self.cloud.pending or self.cloud.stuck)
            if settled and self.cloud.contour.has_judged():
                break
            sleep(_POLL_SECONDS)
        self.found.pending = self.cloud.pending
        self.found.groups = self.cloud.nodes.groups
        self.found.routes = self.cloud.contour.verdicts()

    def _deployed(self) -> Deployed:
        return Deployed(resources=self.pulumi.state(), nodes=self.cloud.nodes.sizes)

    def _check_said_why(self, ended: Ended) -> None:
        """Give what Pulumi printed where its events hold no reason.

        Raises:
            RehearsalError: with the last that it printed.
        """
        if not ended.outcome.failures and not ended.outcome.violations:
            last = " ".join(ended.output.strip().splitlines()[-5:])
            raise RehearsalError(f"pulumi ended with status {ended.status}: {last}")


def _tell(place: Folder, plane: RunningPlane, wanted: Settings) -> None:
    """Write what the stand-in for AWS is told."""
    told = {
        "account": wanted.aws.account if wanted.aws else _NO_ACCOUNT,
        "endpoint": plane.plane.url,
        "certificate_authority": base64.b64encode(plane.authority.read_bytes()).decode(),
        "node_groups": str(place.node_groups),
    }
    place.told.write_text(json.dumps(told), encoding="utf-8")


def _time(found: Findings, name: str, seconds: float) -> None:
    found.timings = found.timings.model_copy(update={name: round(seconds, 1)})
