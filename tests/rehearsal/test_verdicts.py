"""The rules' verdicts."""

from pathlib import Path

from rehearsal import events
from rehearsal.verdicts import policies
from tests.rehearsal.samples import urn, violation, write_log

DEPLOYMENT = urn("kubernetes:apps/v1:Deployment", "serving")
FAILED = violation(
    "image-digest",
    "Every image is pinned.\nimage-digest: Deployment serving\nreason: image must be pinned\nto do: pin it",
    where=DEPLOYMENT,
)
UNDECIDED = violation(
    "undecided-stack",
    "Not decided.\nundecided: Deployment serving\nresource-quota: must be there; not known\nresource-quota: must bound",
    level="advisory",
    where=DEPLOYMENT,
)
EXEMPTED = violation(
    "exempted",
    "Let pass.\nexempted: DaemonSet exporter\nsecurity-context: runAsUser is 0: sockets (platform, until 2027-10-31)",
    level="advisory",
    where=DEPLOYMENT,
)


def _outcome(tmp_path: Path, *found: events.Json) -> events.Outcome:
    passed = {"policyAnalyzeSummaryEvent": {"passed": ["probes", "resource-quota", "undecided", "exempted-stack"]}}
    return events.read(write_log(tmp_path, passed, *found))


def test_each_answer_names_its_rule_and_its_reasons(tmp_path: Path) -> None:
    """Failures first, then exemptions, then what waits for the update; the pack's own policies are no rules."""
    said = policies([_outcome(tmp_path, UNDECIDED, EXEMPTED, FAILED)])
    assert [(one.verdict, one.rule) for one in said.findings] == [
        ("fail", "image-digest"),
        ("exempted", "security-context"),
        ("undecided", "resource-quota"),
    ]
    assert said.findings[0].message == "reason: image must be pinned\nto do: pin it"
    assert said.findings[2].message == "must be there; not known\nmust bound"
    assert said.passed == ("probes",)


def test_what_the_update_decided_is_not_undecided(tmp_path: Path) -> None:
    """The preview's doubts are gone when the update has run; a failure of the preview stays."""
    preview = _outcome(tmp_path, UNDECIDED, FAILED)
    said = policies([preview, _outcome(tmp_path)])
    assert [one.verdict for one in said.findings] == ["fail"]
    assert "resource-quota" in said.passed


def test_what_both_say_is_told_once(tmp_path: Path) -> None:
    """The update's words stand, which may show the same value in another order."""
    again = {"policyEvent": {**EXEMPTED["policyEvent"], "message": EXEMPTED["policyEvent"]["message"] + " now"}}
    (told,) = policies([_outcome(tmp_path, EXEMPTED), _outcome(tmp_path, again)]).findings
    assert told.message.endswith("now")
    assert len(told.message.splitlines()) == 1


def test_no_outcome_no_verdict() -> None:
    """A rehearsal that stopped before the preview knows nothing of rules."""
    assert policies([]).passed == ()
