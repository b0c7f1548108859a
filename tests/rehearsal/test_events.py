"""What is read from the engine's event log."""

from pathlib import Path

import pytest

from rehearsal import events
from tests.rehearsal.samples import error, step, urn, violation, write_log

DATABASE = "aws:rds/instance:Instance"


def test_steps_are_told_once_with_what_forces_them(tmp_path: Path) -> None:
    """A replacement, which the engine tells in three events, is one step with the inputs that force it."""
    log = write_log(
        tmp_path,
        step("create-replacement", DATABASE, "database", keys=["identifier"]),
        step("replace", DATABASE, "database"),
        step("delete-replaced", DATABASE, "database"),
        step("same", "inferstack:aws:Database", "database", custom=False),
    )
    steps = events.read(log).steps
    assert [(one.change, one.keys, one.is_component) for one in steps.values()] == [
        ("replaced", ("identifier",), False),
        ("same", (), True),
    ]


def test_a_policy_that_failed_once_has_not_passed(tmp_path: Path) -> None:
    """Policies are asked for each resource: one that fails anywhere is not among the passed."""
    passed = {"policyAnalyzeSummaryEvent": {"passed": ["probes", "image-digest"]}}
    outcome = events.read(write_log(tmp_path, passed, violation("image-digest", "title")))
    assert outcome.passed == {"probes"}
    assert [one.policy for one in outcome.violations] == ["image-digest"]


def test_a_reason_is_told_and_its_summaries_are_not(tmp_path: Path) -> None:
    """The engine repeats a failure in summaries, which say nothing more."""
    log = write_log(
        tmp_path,
        error("<{%fg 1%}>Pulumi.prod.yaml:3: wrong<{%reset%}>\n"),
        error("an unhandled error occurred: Program exited with non-zero exit code: 1\n"),
        error("preview failed\n"),
    )
    (failure,) = events.read(log).failures
    assert failure.message == "Pulumi.prod.yaml:3: wrong"
    assert failure.is_of_the_program


@pytest.mark.parametrize(
    ("message", "where"),
    [("Program failed with an unhandled exception:\nTraceback (…)", ""), ("it is taken", urn(DATABASE, "database"))],
)
def test_a_bug_and_a_provider_are_not_the_settings(tmp_path: Path, message: str, where: str) -> None:
    """Only a sentence of the program itself is about the settings."""
    (failure,) = events.read(write_log(tmp_path, error(message, where))).failures
    assert not failure.is_of_the_program


def test_a_log_that_is_being_written_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """A missing log and a line that is cut off are no errors."""
    assert events.read(tmp_path / "none.events").steps == {}
    assert events.Finished(tmp_path / "none.events").count() == 0
    log = write_log(tmp_path, {"resOutputsEvent": {}})
    with log.open("a") as file:
        file.write('{"resOutputsEvent": {')
    finished = events.Finished(log)
    assert finished.count() == 1
    with log.open("a") as file:
        file.write('}}\n{"resOutputsEvent": {}}\n')
    assert finished.count() == 3
