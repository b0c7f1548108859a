"""Whole rehearsals of the stacks that a team starts from, and of changes that are not fine."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra import settings
from rehearsal import folder
from rehearsal.errors import ExitCode
from tests.rehearsal.program import CHECKOUT, Rehearsed, program, rehearse

pytestmark = pytest.mark.tools
DATABASE = "infra/aws/database.py"
DEV = "Pulumi.dev.yaml"


def _reason(rehearsed: Rehearsed) -> str:
    assert rehearsed.report, rehearsed.said
    assert rehearsed.status == rehearsed.report.exit_code
    return rehearsed.report.reasons[0]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_a_new_stack_is_fine(stack: str) -> None:
    """Exit code 0: every resource is made, every pod finds a node, every route is accepted, every rule is decided."""
    rehearsed = rehearse(stack)
    assert rehearsed.status == ExitCode.FINE, rehearsed.said
    report = rehearsed.report
    assert report
    assert report.applied
    assert report.counts()["created"] > 150
    assert not report.pending_pods
    assert not [each for each in report.policies.findings if each.verdict != "exempted"]
    assert report.cost
    assert report.cost.after > 300
    assert report.cost.without_price == ()


def test_a_stack_that_names_a_cluster_is_not_applied_to_it(tmp_path: Path) -> None:
    """An existing cluster's context and kubeconfig are the rehearsal's: the file that the stack names is not read."""
    there = program(tmp_path / "program")
    names = settings.PlatformImages.model_fields
    images = "\n".join(f"      {name}: registry.example.com/{name}@sha256:{'0' * 64}" for name in names)
    existing = f"""\
    kind: existing
    context: mine
    kubeconfig: /nonexistent/kubeconfig
    images:
      registry: registry.example.com/team
{images}
"""
    local = (there / "Pulumi.local.yaml").read_text()
    embedded = "    kind: embedded\n    gpus: 4\n"
    assert embedded in local
    (there / "Pulumi.mine.yaml").write_text(local.replace(embedded, existing))
    rehearsed = rehearse("mine", "--program", str(there))
    assert rehearsed.status == ExitCode.FINE, rehearsed.said
    assert rehearsed.report
    assert rehearsed.report.cost is None


def test_the_same_program_again_changes_nothing(tmp_path: Path) -> None:
    """From HEAD to HEAD: what is made anew in each rehearsal is no change."""
    rehearsed = rehearse("dev", "--program", str(program(tmp_path / "program")), "--from", "HEAD")
    assert rehearsed.report, rehearsed.said
    assert rehearsed.report.changes == ()
    assert rehearsed.report.unchanged > 150
    assert rehearsed.status == ExitCode.FINE


def test_replacing_the_database_is_code_5(tmp_path: Path) -> None:
    """The loss stands first, with the input that forces it; staging says that a real update would refuse."""
    changed = program(tmp_path / "program", (DATABASE, "db_name=DATABASE", 'db_name="another"'))
    rehearsed = rehearse("staging", "--program", str(changed), "--from", "HEAD")
    assert rehearsed.status == ExitCode.STATEFUL, rehearsed.said
    assert "aws:rds/instance:Instance database is replaced" in _reason(rehearsed)
    assert rehearsed.report
    first = rehearsed.report.changes[0]
    assert (first.name, first.because_of, first.protected) == ("database", ("dbName",), True)


def test_what_a_rule_forbids_is_code_3_and_is_not_applied(tmp_path: Path) -> None:
    """The rule, the resource and the reason, after the preview."""
    changed = program(tmp_path / "program", (DATABASE, "storage_encrypted=True", "storage_encrypted=False"))
    rehearsed = rehearse("dev", "--program", str(changed))
    assert rehearsed.status == ExitCode.FORBIDDEN, rehearsed.said
    assert _reason(rehearsed).startswith("a rule forbids it: aws-encryption, database: ")
    assert rehearsed.report
    assert not rehearsed.report.applied


def test_a_pod_that_fits_no_node_is_code_4_with_the_schedulers_reason(tmp_path: Path) -> None:
    """Five CPUs on machines of four: the update is ended as soon as nothing can change any more."""
    changed = program(tmp_path / "program", (DEV, 'cpu: "2"', 'cpu: "5"'))
    rehearsed = rehearse("dev", "--program", str(changed))
    assert rehearsed.status == ExitCode.UNSCHEDULABLE, rehearsed.said
    assert "no node of any group could take it" in _reason(rehearsed)
    assert rehearsed.report
    assert "nodes are available" in rehearsed.report.pending_pods[0].reason


def test_more_gpus_than_the_pool_may_have_is_code_4_at_once(tmp_path: Path) -> None:
    """Known from the stack file alone."""
    changed = program(tmp_path / "program", ("Pulumi.prod.yaml", "replicas: 3", "replicas: 12"))
    rehearsed = rehearse("prod", "--program", str(changed))
    assert rehearsed.status == ExitCode.UNSCHEDULABLE, rehearsed.said
    assert "the services ask for 12 GPUs" in _reason(rehearsed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("after", ["control plane", "preview"])
def test_a_rehearsal_that_is_cut_off_leaves_nothing(number: signal.Signals, after: str) -> None:
    """Whatever it is at: control plane, Pulumi, its plugins and the program end, and the folder is gone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "run", "--stack", "dev", "--json", os.devnull],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr
    for line in process.stderr:
        if line.startswith(f"rehearsal: {after}"):
            break
    root = _root(process.pid)
    mark = f"{folder.MARK}={folder.Folder(root=root).told}".encode()
    assert _marked(mark)
    process.send_signal(number)
    process.wait(timeout=60)
    deadline = time.monotonic() + 30
    while root.exists() or _marked(mark):
        assert time.monotonic() < deadline, f"{root} or {_marked(mark)} is still there"
        time.sleep(0.1)


def _root(pid: int) -> Path:
    """The folder of a rehearsal: others may run beside it."""
    commands = [child.cmdline() for child in psutil.Process(pid).children()]
    (root,) = [command[-1] for command in commands if "rehearsal.keeper" in command]
    return Path(root)


def _marked(mark: bytes) -> list[str]:
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(entry.name)
        except OSError:
            continue
    return found
