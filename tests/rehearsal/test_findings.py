"""How what was found is judged."""

from pathlib import Path

import pytest

from infra import settings
from rehearsal import events, prices, wording
from rehearsal.cloud.loop import Pending
from rehearsal.errors import ExitCode
from rehearsal.findings import Findings, report
from rehearsal.report import Report
from tests.rehearsal.samples import error, step, urn, violation, write_log

CHECKOUT = Path(__file__).parents[2]
DATABASE = "aws:rds/instance:Instance"
REPLACED = step("replace", DATABASE, "database", keys=["identifier"])
FORBIDDEN = violation("image-digest", "title\nimage-digest: x\nreason: no digest", where=urn("x", "serving"))
PENDING = Pending(pod="inferstack/serving-0", reason="0/3 nodes are available", remark="group gpu is full")


def _findings(tmp_path: Path, *found: events.Json) -> Findings:
    outcome = events.read(write_log(tmp_path, *found))
    source = settings.stack_file("prod", CHECKOUT)
    return Findings(
        stack="prod", settings=settings.read("prod", CHECKOUT), source=source, preview=outcome, update=outcome
    )


def _report(findings: Findings) -> Report:
    return report(findings, prices=prices.load())


def test_a_stack_without_a_finding_is_fine(tmp_path: Path) -> None:
    """New resources, applied, every pod on a node."""
    judged = _report(_findings(tmp_path, step("create", DATABASE, "database")))
    assert (judged.exit_code, judged.reasons) == (ExitCode.FINE, ())
    assert judged.counts()["created"] == 1


def test_a_rule_a_loss_and_a_pod_each_have_a_code(tmp_path: Path) -> None:
    """Three findings, three codes, and a sentence that names what was found."""
    forbidden = _report(_findings(tmp_path, FORBIDDEN))
    assert (forbidden.exit_code, forbidden.reasons) == (
        ExitCode.FORBIDDEN,
        ("a rule forbids it: image-digest, serving: no digest",),
    )
    losing = _report(_findings(tmp_path, REPLACED))
    assert losing.exit_code == ExitCode.STATEFUL
    assert losing.reasons == (f"{DATABASE} database is replaced, which loses the database with its automatic backups",)
    pending = _findings(tmp_path)
    pending.pending = [PENDING]
    assert _report(pending).exit_code == ExitCode.UNSCHEDULABLE
    assert _report(pending).reasons == ("1 pod finds no node: inferstack/serving-0 (group gpu is full)",)


def test_the_gravest_finding_decides_and_every_one_is_told(tmp_path: Path) -> None:
    """A rule before a loss before a pod; an error that follows from them is no reason of its own."""
    found = _findings(tmp_path, FORBIDDEN, REPLACED, error("it timed out", urn(DATABASE, "database")))
    found.pending = [PENDING]
    assert _report(found).exit_code == ExitCode.FORBIDDEN
    assert [sentence.split()[0] for sentence in _report(found).reasons] == ["a", DATABASE, "1"]
    assert wording.verdict(_report(found)) == "prod, as a new stack: a rule forbids it (exit code 3)"


def _of(folder: Path) -> Findings:
    source = settings.stack_file("prod", folder)
    return Findings(stack="prod", settings=settings.read("prod", folder), source=source)


def test_too_few_gpus_are_known_before_anything_is_started(tmp_path: Path) -> None:
    """More replicas than the pool may have GPUs: code 4 with the numbers, and nothing was applied."""
    text = (CHECKOUT / "Pulumi.prod.yaml").read_text().replace("replicas: 3", "replicas: 9")
    (tmp_path / "Pulumi.prod.yaml").write_text(text)
    judged = _report(_of(tmp_path))
    assert judged.exit_code == ExitCode.UNSCHEDULABLE
    assert "ask for 9 GPUs (sentiment 9) and 1 more while one is rolled out, but there are 9" in judged.reasons[0]
    assert not judged.applied


def test_a_short_release_is_a_remark_and_no_failure(tmp_path: Path) -> None:
    """Blue and green at full size would not fit: said with its number, and the stack as it is runs."""
    text = (CHECKOUT / "Pulumi.prod.yaml").read_text().replace("replicas: 3", "replicas: 8")
    (tmp_path / "Pulumi.prod.yaml").write_text(text)
    judged = _report(_of(tmp_path))
    assert judged.exit_code == ExitCode.FINE
    assert "wants 17 GPUs, and the pool has 9 at most" in wording.shortages(judged)[0]
    # Two slots of 8 and one pod more, on nodes of one GPU each of which 3 are always there.
    assert "14 nodes have to be started" in wording.cold_nodes(judged)[0]


def test_a_release_that_cannot_end_is_refused_with_its_line(tmp_path: Path) -> None:
    """Green beside blue fits now, and both at the size of the larger with a pod in surge do not: code 4, and where."""
    text = (CHECKOUT / "Pulumi.prod.yaml").read_text().replace("replicas: 3", "replicas: 5")
    green = "        green:\n          version: 0.2.0\n          replicas: 3\n          weight: 0\n"
    (tmp_path / "Pulumi.prod.yaml").write_text(text.rstrip("\n") + "\n" + green)
    judged = _report(_of(tmp_path))
    assert judged.exit_code == ExitCode.UNSCHEDULABLE
    line = 1 + text.splitlines().index("      release:")
    assert judged.reasons[0].startswith(f"Pulumi.prod.yaml:{line}: inferstack:services[0].release: ")
    assert "asks for 11 GPUs" in judged.reasons[0]


def test_a_release_is_told_with_both_states_and_the_step(tmp_path: Path) -> None:
    """An auditor finds what was deployed, what is wanted, and the name of the step."""
    stable = {"version": "0.1.0", "replicas": 2, "weight": 100}
    before = {"strategy": "canary", "slots": {"stable": stable}}
    after = {"strategy": "canary", "slots": {"stable": stable, "candidate": stable | {"version": "0.2.0", "weight": 0}}}
    told = {"wanted": after, "step": "prepare", "since": "2026-11-20T10:00:00+00:00"}
    token = "inferstack:kubernetes:ServiceRelease"  # noqa: S105  a type token
    judged = _report(
        _findings(
            tmp_path,
            step("update", token, "sentiment", custom=False, inputs={**told, "previous": before}),
            step("create", token, "topics", custom=False, inputs={**told, "wanted": before, "step": "first"}),
        )
    )
    assert [wording.release(each) for each in judged.releases] == [
        "sentiment: prepare: from stable 0.1.0 at 100 % to stable 0.1.0 at 100 %, candidate 0.2.0 at 0 %",
        "topics: first: from nothing to stable 0.1.0 at 100 %",
    ]


@pytest.mark.parametrize(
    ("message", "where", "code"),
    [
        ("Pulumi.prod.yaml:3: wrong", "", ExitCode.USAGE),
        ("Program failed with an unhandled exception:\nTraceback", "", ExitCode.FAILED),
        ("the name is taken", urn(DATABASE, "database"), ExitCode.FAILED),
    ],
)
def test_the_program_refuses_settings_and_a_provider_fails(
    tmp_path: Path, message: str, where: str, code: ExitCode
) -> None:
    """Only what the program says of its settings before the update is the user's to mend there."""
    found = _findings(tmp_path, error(message, where))
    found.update = None
    assert _report(found).exit_code == code
    assert _report(found).reasons == (message,)


def test_a_route_that_contour_refuses_is_a_failure(tmp_path: Path) -> None:
    """With Contour's reason."""
    found = _findings(tmp_path)
    found.routes = {"HTTPRoute inferstack/sentiment": "BackendNotFound: no such Service"}
    assert _report(found).exit_code == ExitCode.FAILED
    assert "HTTPRoute inferstack/sentiment (BackendNotFound: no such Service)" in _report(found).reasons[0]
