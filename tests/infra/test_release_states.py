"""What is kept of a release, and the change that is read from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rehearsal.pulumi
from infra import deployed
from infra.release_states import Change, State, change, parse
from infra.releases import Step, StepRefusedError
from infra.settings import BlueGreenRelease, CanaryRelease, SettingsError, Slot

if TYPE_CHECKING:
    from pathlib import Path

    from infra.releases import Release

NOW, LATER = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 21, 10, tzinfo=UTC)
SLOTS = st.builds(
    Slot, version=st.sampled_from(["0.1.0", "0.2.0"]), weight=st.integers(0, 100), replicas=st.integers(0, 9)
)
RELEASES = st.builds(
    CanaryRelease,
    strategy=st.just("canary"),
    mirror=st.integers(0, 100),
    sticky=st.booleans(),
    stable=SLOTS,
    candidate=st.none() | SLOTS,
) | st.builds(BlueGreenRelease, strategy=st.just("blue_green"), blue=SLOTS, green=st.none() | SLOTS)


def _canary(weight: int | None = None) -> CanaryRelease:
    return CanaryRelease(
        strategy="canary",
        stable=Slot(version="0.1.0", replicas=1, weight=100 - (weight or 0)),
        candidate=None if weight is None else Slot(version="0.2.0", replicas=1, weight=weight),
    )


def _as_the_engine_gives_it(value: Any) -> Any:  # noqa: ANN401  plain data
    """Numbers are floating-point, and what is null is not there."""
    if isinstance(value, dict):
        return {key: _as_the_engine_gives_it(item) for key, item in value.items() if item is not None}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_as_the_engine_gives_it(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _done(made: Change) -> dict[str, Any]:
    return _as_the_engine_gives_it(json.loads(json.dumps(made.record())))


@given(RELEASES)
def test_a_record_is_read_as_it_was_written(release: Release) -> None:
    """Whatever a stack file may say of a release comes back from the stack's outputs."""
    state = State(release=release, served=tuple(sorted({slot.version for _, slot in release.slots() if slot.weight})))
    assert parse(_as_the_engine_gives_it(state.plain())) == state


def test_a_change_that_is_done_tells_how_it_came() -> None:
    """An update with nothing to do declares what the update before it declared, so that nothing is to be changed."""
    first = change(None, _canary(), now=NOW)
    prepared = change(_done(first), _canary(0), now=NOW)
    advanced = change(_done(prepared), _canary(5), now=NOW)
    assert [each.step for each in (first, prepared, advanced)] == [Step.FIRST, Step.PREPARE, Step.ADVANCE]
    for made in (first, prepared, advanced):
        again = change(_done(made), made.wanted.release, now=LATER)
        assert again.plain() == made.plain()
        assert (made.is_new, again.is_new) == (True, False)


def test_what_got_requests_once_is_remembered_while_it_is_there() -> None:
    """The way back to a version that served is another thing than the way to one that did not."""
    at_five = change({**_canary(0).model_dump(mode="json")}, _canary(5), now=NOW)
    assert at_five.wanted.served == ("0.1.0", "0.2.0")
    back = change(_done(at_five), _canary(0), now=NOW)
    assert (back.step, back.wanted.served) == (Step.ROLLBACK, ("0.1.0", "0.2.0"))
    assert change(_done(back), _canary(), now=NOW).wanted.served == ("0.1.0",)


def test_a_skipped_step_is_refused() -> None:
    """By what was recorded, not by what somebody says."""
    with pytest.raises(StepRefusedError, match="is not one step from"):
        change(_done(change(None, _canary(), now=NOW)), _canary(5), now=NOW)


def test_what_an_older_program_recorded_is_enough() -> None:
    """Slots and strategy alone: all else is as in a stack file that does not say it."""
    known = {"strategy": "canary", "slots": {"stable": {"version": "0.1.0", "replicas": 1.0, "weight": 100.0}}}
    made = change(known, _canary(), now=NOW)
    assert (made.step, made.previous) == (Step.NOTHING, made.wanted)


def test_a_rehearsal_names_the_stack_file_by_the_same_variable() -> None:
    """It imports no Pulumi, and so says the name again."""
    assert rehearsal.pulumi.BASE_STACK_FILE == deployed.BASE_STACK_FILE


def test_a_stack_file_stands_in(tmp_path: Path) -> None:
    """The releases of another branch's file are read, even where the rest of it does not fit today's settings."""
    path = tmp_path / "Pulumi.prod.yaml"
    assert deployed.read_stack_file(path) == {}
    release = "{strategy: canary, stable: {version: 0.1.0, replicas: 2, weight: 100}}"
    path.write_text(
        f"config:\n  inferstack:gone: 1\n  inferstack:services:\n    - {{name: a, old: 1, release: {release}}}\n"
    )
    found = deployed.read_stack_file(path)
    assert parse(found["a"]).release == CanaryRelease(
        strategy="canary", stable=Slot(version="0.1.0", replicas=2, weight=100)
    )
    path.write_text("config: [\n")
    with pytest.raises(SettingsError, match=r"Pulumi\.prod\.yaml: not readable"):
        deployed.read_stack_file(path)
