"""``python -m drill``: play releases on the local cluster, under load, and see whether a request is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drill import versions
from drill.answers import AnswerFile
from drill.cluster import Cluster
from drill.errors import DrillError
from drill.project import Project
from drill.running import Options, Scenario, under_load
from drill.scenarios import NEXT, SCENARIOS
from drill.way_back import go, way
from infra.releases import describe
from infra.settings import SettingsError
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

_CHECKOUT = Path(__file__).resolve().parent.parent
_FOLDER = _CHECKOUT / ".state" / "drill"
_SERVICE = "sentiment"
_FAILED, _INTERRUPTED = 1, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Drills of releases on the local cluster, which must be up."""


@main.command()
@click.option(
    "--scenario", "names", multiple=True, type=click.Choice(list(SCENARIOS)), help="Only this; may be repeated."
)
@click.option("--seconds", type=click.FloatRange(60, 3600), default=600.0, show_default=True, help="Of each scenario.")
@click.option("--rate", type=click.FloatRange(1, 500), default=50.0, show_default=True, help="Requests a second.")
@click.option("--json", "report", type=click.Path(dir_okay=False, path_type=Path), help="Write what was seen there.")
def run(names: tuple[str, ...], seconds: float, rate: float, report: Path | None) -> None:
    """Play scenarios under load; exit code 1 if a request was lost or a split was wrong.

    Afterwards the service is as Pulumi.local.yaml says, also after Ctrl-C. What a kill leaves, `make up` mends.
    """
    entries = list[dict[str, Any]]()
    project = _project()
    options = Options(seconds=seconds, rate=rate, say=click.echo)
    try:
        with _sentences():
            try:
                for name in names or tuple(SCENARIOS):
                    entries.append(_play(name, project, options))
                    _write(report, entries)
                    _summary(entries[-1])
            except DrillError as error:
                click.echo(f"{error}\ngoing back to what Pulumi.local.yaml says", err=True)
                _restore(project)
                sys.exit(_FAILED)
            _restore(project)
    except KeyboardInterrupt:
        click.echo("interrupted: going back to what Pulumi.local.yaml says; Ctrl-C again leaves it to `make up`")
        with _sentences():
            _restore(project)
        sys.exit(_INTERRUPTED)
    if any(entry["problems"] for entry in entries):
        sys.exit(_FAILED)


@main.command()
def restore() -> None:
    """Bring the service back, step by step, to what Pulumi.local.yaml says, if a drill was cut off."""
    project = _project()
    if not project.is_left:
        project.remove()  # the cluster went, and what was left in it
        return
    with _sentences():
        _restore(project)


@main.command("versions")
def make_versions() -> None:
    """Make the bad versions out of the good one, unless they are there."""
    with _sentences():
        for name in ("errors", "latency", "wrong"):
            click.echo(f"{_SERVICE} {versions.make(_SERVICE, NEXT, name, root=_CHECKOUT)}")


def _play(name: str, project: Project, options: Options) -> dict[str, Any]:
    before, fault, play = SCENARIOS[name]
    bad = versions.make(_SERVICE, NEXT, fault, root=_CHECKOUT) if fault else None
    options.say(f"\n{name}: going to {_SERVICE} {before.stable.version} at rest")
    go(project, before)
    out = _FOLDER / f"{name}.jsonl"
    for each in (out, out.with_suffix(".log")):
        each.unlink(missing_ok=True)
    outputs = project.outputs()
    scenario = Scenario(
        name=name,
        project=project,
        cluster=Cluster(kubeconfig=_CHECKOUT / ".state/cluster/kubeconfig", environment=project.environment()),
        options=options,
        bad=bad,
        answers=AnswerFile(out),
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        scenario.stopped = True

    previous = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with under_load(scenario, outputs["endpoints"][_SERVICE]):
            play(scenario)
    except DrillError as error:
        scenario.problems.append(str(error))
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    scenario.judge_splits()
    return scenario.entry()


def _restore(project: Project) -> None:
    """Step to what the checkout's stack file says, and then be just that."""
    steps = way(project.deployed(), project.wanted())
    project.make()
    for release in steps[:-1]:
        click.echo(f"back: to {describe(release)}")
        project.write(release)
        project.apply()
    project.make()
    project.apply()
    project.remove()


def _project() -> Project:
    return Project(checkout=_CHECKOUT, folder=_FOLDER / "project", service=_SERVICE)


def _write(report: Path | None, entries: list[dict[str, Any]]) -> None:
    """Write the report anew after each scenario, so that a drill that is cut off leaves what it saw."""
    if report is None:
        return
    machine = {"cpus": os.cpu_count(), "written_at": datetime.now(tz=UTC).isoformat(timespec="seconds")}
    text = json.dumps({"runs": entries, "machine": machine}, indent=2)
    with tempfile.NamedTemporaryFile("w", dir=report.resolve().parent, delete=False, encoding="utf-8") as file:
        file.write(f"{text}\n")
    Path(file.name).chmod(0o644)
    Path(file.name).replace(report)


def _summary(entry: dict[str, Any]) -> None:
    times = ", ".join(f"{name.replace('_', ' ')} {value} s" for name, value in entry["times"].items())
    failed, bad = entry["failed_requests"], entry["failed_by_the_bad_version"]
    click.echo(
        f"{entry['name']}: {entry['requests']} requests, {failed} lost, {bad} failed by the bad version. {times}"
    )
    for problem in entry["problems"]:
        click.echo(f"  PROBLEM: {problem}", err=True)


@contextmanager
def _sentences() -> Generator[None]:
    """What a person can mend ends the command with one sentence."""
    try:
        yield
    except (DrillError, SettingsError, RolloutError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(_FAILED)


if __name__ == "__main__":
    main()
