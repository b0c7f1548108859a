"""A drill under way: the load in a process of its own, the steps, and what was seen during each."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drill import splits
from drill.answers import AnswerFile, between, by_version, not_of, quantile
from drill.errors import DrillError
from infra import releases, routing
from rollout.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from drill.cluster import Cluster
    from drill.project import Project
    from infra.releases import Release

# Envoy's proxies hear of a new route within a second or two; requests that were sent before may end after it.
_SETTLE_SECONDS = 4.0
_TICK_SECONDS = 0.5
_LOAD_END_SECONDS = 30.0
_SHOWN = 5
# Within 20,000 compared requests, those of candidate and baseline, a bad version is found (docs/evidence.md); with bad
# luck it takes some more.
_COMPARED = 25_000


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person may choose.

    Attributes:
        seconds: of load, at least, for each scenario.
        rate: requests a second.
        say: told what happens, a line each.
    """

    seconds: float
    rate: float
    say: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A time, in seconds since 1970, in which a release did not change."""

    release: Release
    begin: float
    end: float


@dataclass
class Scenario:
    """One scenario while it runs.

    Attributes:
        name: of the scenario.
        bad: the version that may fail requests itself; None where none may.
        steps: what was done and seen, in the order of time.
        problems: what was not as it must be.
        windows: the times between steps.
        times: seconds by name.
        pressure: seconds in which something waited for a processor; None where the kernel does not tell.
    """

    name: str
    project: Project
    cluster: Cluster
    options: Options
    bad: str | None
    answers: AnswerFile
    begun: float = field(default_factory=time.time)
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    problems: list[str] = field(default_factory=list[str])
    windows: list[Window] = field(default_factory=list[Window])
    times: dict[str, float] = field(default_factory=dict[str, float])
    pressure: float | None = None
    stopped: bool = False
    load: subprocess.Popen[str] | None = None

    def step(self, release: Release, command: str, *options: str) -> None:
        """Have the release command take one step, and make sure that it led to where it should.

        Args:
            release: the state that the step leads to.
            command: of ``python -m rollout``.
            options: of it.

        Raises:
            DrillError: it led somewhere else.
        """
        words = releases.describe(release)
        self.say(f"{command}, to {words}")
        begun = time.monotonic()
        code, said = self.rollout(command, *options)
        forced = code == ExitCode.HOLD
        if forced:
            # A drill's steps are short; its good versions are known to be good.
            self.say("   hold: not enough evidence yet; going on by force")
            code, said = self.rollout(command, *options, "--force", "--reason", "a drill's step has had its time")
        if code != ExitCode.DONE or self.project.written() != release:
            raise DrillError(f"`rollout {command}` ended with status {code}: {said.strip()[-2000:]}")
        self._wait_ready(release)
        seconds = time.monotonic() - begun
        self.steps.append({"to": words, "command": command, "forced": forced, "seconds": round(seconds, 1)})
        self.say(f"   done in {seconds:.1f} s")

    def rollout(self, command: str, *options: str, during: Callable[[], None] | None = None) -> tuple[int, str]:
        """Run the release command to its end; an interrupt ends it in order first.

        Args:
            command: of ``python -m rollout``.
            options: of it.
            during: done once while it runs.

        Returns:
            Its exit status, and all that it said.
        """
        self.check()
        with self.project.rollout(command, *options) as process:
            try:
                if during:
                    during()
                said = self._output(process)
            except BaseException:
                process.send_signal(signal.SIGINT)
                process.communicate()
                raise
        with self.answers.path.with_suffix(".log").open("a", encoding="utf-8") as log:
            log.write(f"$ python -m rollout {command} {' '.join(options)}\n{said}\n")
        return process.returncode, said

    def _output(self, process: subprocess.Popen[str]) -> str:
        said = ""
        while True:
            try:
                said, _ = process.communicate(timeout=_TICK_SECONDS)
            except subprocess.TimeoutExpired:
                self.check()
            else:
                return said

    def apply(self, release: Release) -> None:
        """Change what is no step of a release, such as the strategy, as a person would: an edit, and an update."""
        self.say(f"pulumi up, to {releases.describe(release)}")
        self.project.write(release)
        self.project.apply()

    def watch(self, release: Release, back: Release) -> None:
        """Let the release command judge a bad version until it takes it back; delete a pod of each slot meanwhile.

        Args:
            release: with the bad version.
            back: the state that the command should lead to.

        Raises:
            DrillError: it did something else.
        """
        compared = sum(each.weight for each in routing.backends(release) if each.slot != "stable") / 100
        minutes = f"{_COMPARED / (compared * self.options.rate) / 60:.2f}"
        self.say("watch, until the evidence is enough")
        begun, begin = time.monotonic(), time.time()
        code, said = self.rollout(
            "watch", "--every", "10", "--hold-minutes", minutes, during=lambda: self._delete_soon(release)
        )
        seconds = time.monotonic() - begun
        if code != ExitCode.ROLLED_BACK or self.project.written() != back:
            why = re.search(r'^  "why": "(?P<why>.*)"$', said, re.MULTILINE)
            reason = why["why"] if why else said.strip()[-2000:]
            raise DrillError(f"the bad version was not taken back; status {code}: {reason}")
        verdict = self.project.rolled_back(since=begin) or begin
        self.windows.append(Window(release=release, begin=begin + _SETTLE_SECONDS, end=verdict))
        self.steps.append({"to": releases.describe(back), "command": "watch", "seconds": round(seconds, 1)})
        self.say(f"   taken back after {seconds:.1f} s")

    def dwell(self, release: Release, until: float, *, delete: bool = False) -> None:
        """Let users ask for a while.

        Args:
            release: that is deployed.
            until: seconds after the scenario's begin.
            delete: whether a pod of each slot is deleted meanwhile.
        """
        begin = time.time() + _SETTLE_SECONDS
        end = max(self.begun + until, begin + _SETTLE_SECONDS)
        if delete:
            self.sleep_until((begin + end) / 2)
            self.delete_pods(release)
        self.sleep_until(end)
        self.windows.append(Window(release=release, begin=begin, end=time.time()))
        self.say("   the step has had its time")

    def judge_splits(self) -> None:
        """Compare the answers of each time with the weights that it had.

        Only when all requests have ended: of those that are under way more are at slow slots than at fast ones.
        """
        answers = self.answers.read()
        for window in self.windows:
            split = splits.judge(between(answers, window.begin, window.end), window.release)
            words = releases.describe(window.release)
            self.steps.append({"at": words, **split.plain()})
            self.say(f"{'split as asked' if split.ok else 'WRONG SPLIT'} at {words}: {split}")
            if not split.ok:
                self.problems.append(f"{words}: split {split}")

    def sleep_until(self, end: float) -> None:
        """Wait, and notice an interrupt or the end of the load."""
        while (left := end - time.time()) > 0:
            self.check()
            time.sleep(min(_TICK_SECONDS, left))

    def check(self) -> None:
        """End the scenario where there is no sense in going on.

        Raises:
            DrillError: the load has ended.
            KeyboardInterrupt: somebody asked for the end.
        """
        if self.stopped:
            raise KeyboardInterrupt
        if self.load is not None and self.load.poll() is not None:
            raise DrillError(f"the load ended by itself, with status {self.load.returncode}")

    def say(self, line: str) -> None:
        """Tell what happens, with the time since the begin."""
        self.options.say(f"{time.time() - self.begun:6.1f} s  {line}")

    def entry(self) -> dict[str, Any]:
        """What is reported of the scenario."""
        answers = self.answers.read()
        lost = not_of(answers, self.bad)
        by_bad = sum(answer.failed for answer in answers) - len(lost)
        seconds = max((answer.at for answer in answers), default=0.0) - self.begun
        median, late = (quantile(answers, share) for share in (0.5, 0.99))
        return {
            "name": self.name,
            "requests": len(answers),
            "failed_requests": len(lost),
            "failed_by_the_bad_version": by_bad,
            "bad_version": self.bad,
            "seconds": round(seconds, 1),
            "requests_per_second": round(len(answers) / max(seconds, 1), 1),
            "latency_seconds": {"median": median, "p99": late},
            # The share of the time in which something waited for a processor: much of it voids the latencies.
            "cpu_pressure": None if self.pressure is None else round(self.pressure / max(seconds, 1), 2),
            "by_version": by_version(answers),
            "failures": [
                {
                    "after_seconds": round(answer.at - self.begun, 2),
                    "status": answer.status,
                    "error": answer.error,
                    "slot": answer.slot,
                    "version": answer.version,
                }
                for answer in lost[:_SHOWN]
            ],
            "times": {name: round(value, 1) for name, value in self.times.items()},
            "steps": self.steps,
            "problems": [
                *self.problems,
                *(
                    [f"{len(lost)} of {len(answers)} requests failed without an answer of a bad version"]
                    if lost
                    else []
                ),
            ],
        }

    def _delete_soon(self, release: Release) -> None:
        self.sleep_until(time.time() + _SETTLE_SECONDS)
        self.delete_pods(release)

    def _wait_ready(self, release: Release) -> None:
        wanted = {name: slot.replicas for name, slot in routing.slots(release)}
        self.cluster.wait_ready(self.project.service, wanted, stopped=lambda: self.stopped)

    def delete_pods(self, release: Release) -> None:
        """Delete a pod of each slot, and wait until others have taken their places."""
        pods = [pod for pod in self.cluster.pods(self.project.service) if pod.ready]
        for name, _ in routing.slots(release):
            pod = next((pod for pod in pods if pod.slot == name), None)
            if pod is None:
                raise DrillError(f"slot {name} has no pod that is ready")
            self.say(f"   deleting {pod.name}")
            self.cluster.delete(pod)
        self._wait_ready(release)


@contextmanager
def under_load(scenario: Scenario, endpoint: str) -> Generator[None]:
    """Run the load around a scenario; it ends with it, and every request is waited for."""
    rate = str(scenario.options.rate)
    out = str(scenario.answers.path)
    command = (sys.executable, "-m", "drill.load", "--endpoint", endpoint, "--rate", rate, "--seconds", "7200")
    # In a session of its own: Ctrl-C ends the drill, which then ends the load.
    pressure = None
    with subprocess.Popen(
        [*command, "--service", scenario.project.service, "--out", out],
        cwd=scenario.project.checkout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as load:
        try:
            _wait_for_answers(scenario, load)
            scenario.begun, scenario.load = time.time(), load
            pressure = _cpu_pressure()
            yield
            scenario.sleep_until(scenario.begun + scenario.options.seconds)
        finally:
            scenario.load = None
            after = _cpu_pressure()
            if pressure is not None and after is not None:
                scenario.pressure = after - pressure
            load.send_signal(signal.SIGTERM)
            try:
                _, said = load.communicate(timeout=_LOAD_END_SECONDS)
            except subprocess.TimeoutExpired:
                load.kill()
                raise DrillError("the load did not end") from None
            scenario.say(said.strip())


def _cpu_pressure() -> float | None:
    """Seconds since the machine's start in which some task waited for a processor."""
    try:
        line = Path("/proc/pressure/cpu").read_text(encoding="ascii").splitlines()[0]
    except (OSError, IndexError):
        return None
    return int(line.rpartition("total=")[2]) / 1e6


def _wait_for_answers(scenario: Scenario, load: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _LOAD_END_SECONDS
    while not scenario.answers.read():
        if load.poll() is not None or time.monotonic() > deadline:
            raise DrillError("the load got no answer; is the local stack up? `python -m local status`")
        time.sleep(_TICK_SECONDS)
