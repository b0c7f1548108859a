"""Pulumi on one stack, through its Automation API, with processes that can be found again.

The API runs the `pulumi` command. Here each run carries the name of the run of this command in its environment and
writes its process id to a file before it begins, so that whoever comes after a kill ends these processes and takes
these locks away, and no others. Its output goes to files: a pipe would end the engine in the middle of an update with
the process that reads it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
from pulumi.automation import (
    CommandError,
    CommandResult,
    ConcurrentUpdateError,
    EngineEvent,
    LocalWorkspace,
    PulumiCommand,
    Stack,
)
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from rollout.confined import SAME, Planned
from rollout.errors import BusyError, RolloutError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping, Sequence

    from rollout.place import Place

MARK: Final = "INFERSTACK_ROLLOUT"
"""The variable that names the run in the environment of every process that it started."""
_SHIM = 'echo "$$" >> "$0" && exec "$@"'
_LOCKING = frozenset({"up", "refresh"})
_POLL_SECONDS = 0.1
# Where an update is aimed at some resources, the engine may go through one that another used to depend on before the
# program has registered it, and then refuses the registration. Known, and up to chance:
# https://github.com/pulumi/pulumi/issues/24303
_RACE: Final = "Duplicate resource URN"
_RACES: Final = 3
# An engine that is asked to end waits for what it is at, and then for what it is asked to drop.
_END_SECONDS = (20.0, 10.0)
_HOLDER = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<time>\S+)")
_COLOUR = re.compile(r"<\{%.*?%\}>")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What a policy, the program or the engine says against an update; the URN is empty where it is of no resource."""

    urn: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an update would do.

    Attributes:
        resources: all that the program declares or the state has.
        problems: none: it may be applied.
        advice: what policies say that does not stop it.
    """

    resources: tuple[Planned, ...]
    problems: tuple[Problem, ...]
    advice: tuple[Problem, ...]


class Engine:
    """One stack.

    Args:
        place: which.
        run: the name of the run of this command.
        say: told what the engine says, line by line.
    """

    def __init__(self, place: Place, *, run: str, say: Callable[[str], None]) -> None:
        folder = place.folder
        folder.mkdir(parents=True, exist_ok=True)
        self._name = place.stack
        self._project = place.project
        self._configuration = folder / f"Pulumi.{place.stack}.{run}.yaml"
        self._folder = folder
        self._say = say
        self._pids = folder / f"{run}.pids"
        self._command = _Command({**place.environment, MARK: run}, folder=folder, pids=self._pids)
        self._stack = Stack.select(place.stack, _Workspace(work_dir=str(place.project), pulumi_command=self._command))

    def preview(self, text: str, *, rules: bool) -> Preview:
        """Say what the text of a stack file would change.

        Args:
            text: of the stack file.
            rules: whether the policy pack judges it.
        """
        found = dict[str, Planned]()
        problems, advice = dict[Problem, None](), dict[Problem, None]()

        def hear(event: EngineEvent) -> None:
            if event.resource_pre_event and (planned := _planned(event)):
                found[planned.urn] = planned
            elif (policy := event.policy_event) is not None:
                heard = problems if policy.enforcement_level == "mandatory" else advice
                text = f"{policy.policy_name}: {_plain(policy.message)}"
                heard[Problem(urn=policy.resource_urn or "", text=text)] = None
            elif (said := event.diagnostic_event) is not None and said.severity == "error":
                problems[Problem(urn=said.urn or "", text=_plain(said.message))] = None

        self._configure(text)
        try:
            self._stack.preview(
                on_event=hear,
                color="never",
                config_file=str(self._configuration),
                policy_packs=self._rules(wanted=rules),
            )
        except CommandError as error:
            if not any(each.text not in _SUMMARIES for each in problems):
                problems[Problem(urn="", text=_reason(error))] = None
        except RuntimeError as error:  # no summary came
            problems[Problem(urn="", text=f"the preview has no end: {error}")] = None
        return Preview(
            resources=tuple(found.values()),
            problems=tuple(each for each in problems if each.text not in _SUMMARIES),
            advice=tuple(advice),
        )

    def up(self, text: str, *, rules: bool, targets: Sequence[str] | None, message: str) -> None:
        """Apply the text of a stack file.

        Args:
            text: of the stack file.
            rules: whether the policy pack judges it.
            targets: URNs of what may change; None: everything.
            message: for the history of the stack.

        Raises:
            RolloutError: it failed, or somebody else updates the stack.
        """
        if targets is not None and not targets:  # to the engine, no targets are all resources
            raise RolloutError("nothing of the service is known, so nothing of it can be updated")
        self._configure(text)
        self._update(
            lambda: self._stack.up(
                color="never",
                message=message,
                target=None if targets is None else list(targets),
                config_file=str(self._configuration),
                policy_packs=self._rules(wanted=rules),
                suppress_outputs=True,
                show_secrets=False,
                on_output=self._say,
            ),
            "the update",
        )

    def refresh(self, text: str, *, targets: Sequence[str]) -> None:
        """Compare the state of what is named with what is there, and keep what is there.

        Raises:
            RolloutError: it failed, or somebody else updates the stack.
        """
        self._configure(text)
        self._update(
            lambda: self._stack.refresh(
                color="never",
                target=list(targets) or None,
                config_file=str(self._configuration),
                clear_pending_creates=True,
                suppress_outputs=True,
                show_secrets=False,
                on_output=self._say,
            ),
            "the refresh",
        )

    def outputs(self) -> dict[str, Any]:
        """The outputs of the last update; secrets are masked.

        Raises:
            RolloutError: the stack is not there, or cannot be read.
        """
        return json.loads(self._ask("stack", "output", "--json"))

    def state(self) -> tuple[Planned, ...]:
        """Every resource of the state.

        Raises:
            RolloutError: the stack is not there, or cannot be read.
        """
        deployment: dict[str, list[dict[str, Any]]] = json.loads(self._ask("stack", "export"))["deployment"] or {}
        resources = deployment.get("resources") or []
        return tuple(Planned(urn=each["urn"], parent=each.get("parent", ""), change=SAME) for each in resources)

    def updated(self) -> str | None:
        """When the last update of the stack ended, as Pulumi writes it; None where none did."""
        history: list[dict[str, Any]] = json.loads(self._ask("stack", "history", "--json", "--page-size", "5"))
        done = [each for each in history if each["kind"] == "update" and each["result"] == "succeeded"]
        return done[0].get("endTime") if done else None

    def forget(self) -> None:
        """Forget the processes of this run: all that they locked is free again."""
        self._pids.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what this run alone had."""
        self._configuration.unlink(missing_ok=True)

    def _ask(self, *arguments: str) -> str:
        try:
            return self._command.run([*arguments, "--stack", self._name], str(self._project), {}).stdout
        except CommandError as error:
            raise RolloutError(f"pulumi {' '.join(arguments[:2])} failed: {_reason(error)}") from None

    def _configure(self, text: str) -> None:
        """Give Pulumi a copy of its own: it writes a salt into it, and what a person wrote stays as it is."""
        self._configuration.write_text(text, encoding="utf-8", newline="")

    def _rules(self, *, wanted: bool) -> list[str] | None:
        return [str(self._project / "policies")] if wanted else None

    def _update(self, run: Callable[[], object], what: str) -> None:
        released, races = False, 0
        while True:
            try:
                run()
            except ConcurrentUpdateError as error:
                if released or not self._release_own_locks(str(error)):
                    raise BusyError(
                        f"somebody else updates the stack: {_holders(str(error))}. "
                        "Wait for that to end; what is left of a dead process goes with: pulumi cancel"
                    ) from None
                released = True
            except CommandError as error:
                if _RACE not in str(error) or races == _RACES:
                    raise RolloutError(f"{what} failed: {_reason(error)}. All it said: {self._command.said}") from None
                races += 1
                self._say("the engine mistook a resource for registered twice: once more")
            else:
                return

    def _release_own_locks(self, said: str) -> bool:
        """Take away the locks of processes that runs of this command started and that are gone; all or none."""
        holders = list(_HOLDER.finditer(said))
        pids = _own_pids(self._folder)
        own = [
            each["host"] == socket.gethostname() and (pid := int(each["pid"])) in pids and _is_gone(pid)
            for each in holders
        ]
        if not own or not all(own):
            return False
        self._stack.cancel()
        return True


_SUMMARIES = frozenset({"", "preview failed", "update failed", "preview cancelled", "update cancelled"})


class _Workspace(LocalWorkspace):
    """A workspace that leaves the stack alone that a person has selected: every command here names its own."""

    def select_stack(self, stack_name: str) -> None:
        """Select nothing."""


class _Command(PulumiCommand):
    """The `pulumi` of an environment, run so that it outlives this process in order, and is found again."""

    def __init__(self, environment: Mapping[str, str], *, folder: Path, pids: Path) -> None:
        found = shutil.which("pulumi", path=environment.get("PATH"))
        if found is None:
            raise RolloutError("pulumi is not on PATH. For the stack local: make tools; elsewhere: install it")
        self.command = found
        # The SDK's; tools and the lock file hold the engine to it.
        self.version = VersionInfo.parse(metadata.version("pulumi"))
        self._environment = environment
        self._folder = folder
        self._pids = pids

    @property
    def said(self) -> Path:
        """Where the output of the last command is."""
        return self._folder / "pulumi.out"

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        """Run a command to its end, as the Automation API asks."""
        del on_error  # nobody listens; all of it is in the result
        # What only reads takes no lock that somebody would have to take away.
        pids = self._pids if args[0] in _LOCKING else os.devnull
        with self._files(args[0]) as (out, err):
            with out.open("wb") as stdout, err.open("wb") as stderr:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", _SHIM, str(pids), self.command, *args, "--non-interactive"],
                    cwd=cwd,
                    env={**self._environment, **additional_env, "PULUMI_AUTOMATION_API": "true"},
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,  # Ctrl-C ends this command, which then ends the update in order
                )
            _follow(process, out, on_output)
            result = CommandResult(stdout=_text(out), stderr=_text(err), code=process.returncode)
        if process.returncode:
            raise create_command_error(result)
        return result

    @contextmanager
    def _files(self, command: str) -> Generator[tuple[Path, Path]]:
        """Where a command's output goes: an update's stays, of one at a time; others may look at the same time."""
        if command in _LOCKING:
            yield self.said, self.said.with_suffix(".err")
            return
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "out", Path(folder) / "err"


def _follow(process: subprocess.Popen[bytes], out: Path, hear: Callable[[str], Any] | None) -> None:
    """Wait for a process, and hand over the lines that it writes; an interrupt ends it in order first."""
    with out.open("r", encoding="utf-8", errors="replace") as lines:
        try:
            ended = False
            while not ended:
                try:
                    process.wait(timeout=_POLL_SECONDS)
                    ended = True
                except subprocess.TimeoutExpired:
                    pass
                for line in lines:
                    if hear:
                        hear(line.rstrip())
        except BaseException:
            end([psutil.Process(process.pid)] if process.poll() is None else [])
            process.wait()
            raise


def end(processes: Collection[psutil.Process]) -> None:
    """End engines in order: asked, asked again, then killed."""
    left = list(processes)
    for seconds in _END_SECONDS:
        for process in left:
            _signal(process, signal.SIGINT)
        left = psutil.wait_procs(left, timeout=seconds)[1]
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=_END_SECONDS[-1])


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def running(run: str) -> list[psutil.Process]:
    """The processes of this machine that a run of the command started, the engine first; itself is not among them."""
    found = list[psutil.Process]()
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == run and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:  # gone meanwhile, or somebody else's
            continue
    return sorted(found, key=lambda process: process.create_time())


def end_run(run: str) -> int:
    """End what a run of the command left behind: its engine in order, then whatever stayed; returns how many."""
    left = running(run)
    if not left:
        return 0
    end(left[:1])
    deadline = time.monotonic() + _END_SECONDS[-1]
    while (stayed := running(run)) and time.monotonic() < deadline:
        psutil.wait_procs(stayed, timeout=1.0)
    for process in stayed:
        _signal(process, signal.SIGKILL)
    return len(left)


def _is_gone(pid: int) -> bool:
    """Whether a process has ended, or does so in a moment: one that was just killed is there a little longer."""
    end = time.monotonic() + _END_SECONDS[-1]
    while time.monotonic() < end:
        try:
            # One that nobody has asked for its status yet has ended too.
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _own_pids(folder: Path) -> frozenset[int]:
    """The ids of the engines that runs of this command ever started on this stack."""
    return frozenset(int(line) for file in folder.glob("*.pids") for line in file.read_text().split() if line.isdigit())


def _planned(event: EngineEvent) -> Planned | None:
    assert event.resource_pre_event is not None  # noqa: S101  # the caller asked
    metadata = event.resource_pre_event.metadata
    state = metadata.new or metadata.old
    return Planned(
        urn=metadata.urn,
        parent=state.parent if state else "",
        change=metadata.op.value,
        keys=tuple(metadata.keys or metadata.diffs or ()),
    )


def _reason(error: CommandError) -> str:
    """What went wrong: the lines of the engine that say so, or its last ones."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if "error:" in line] or lines[-3:]
    return _plain("; ".join(dict.fromkeys(said)))[:1500]


def _holders(said: str) -> str:
    return ", ".join(f"{each['user']}@{each['host']}, process {each['pid']}" for each in _HOLDER.finditer(said)) or "?"


def _plain(text: str) -> str:
    return _COLOUR.sub("", text).strip()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")
