from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from unittest.mock import call, create_autospec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drill.errors import DrillError
from drill.project import Project
from drill.scenarios import after, canary, prepared
from drill.way_back import at_rest, go, way
from infra.releases import Step, following, step_between

if TYPE_CHECKING:
    from infra.releases import Release

WANTED = at_rest("canary", "0.1.0", 1)


@st.composite
def reached(draw: st.DrawFn) -> Release:
    """Any state that a drill may be cut off in."""
    stable = draw(st.sampled_from(["0.1.0", "0.2.0"]))
    other = draw(st.sampled_from([each for each in ("0.1.0", "0.2.0", "0.2.1-errors") if each != stable]))
    if draw(st.booleans()):
        state: Release = prepared(canary(stable), other)
    else:
        first = at_rest("blue_green", stable, 2)
        [(_, slot)] = first.slots()
        state = first.model_copy(update={"green": slot.model_copy(update={"version": other, "weight": 0})})
    for _ in range(draw(st.integers(0, 6))):
        states = following(state)
        if not states:
            break
        state = draw(st.sampled_from(states)).release
    return state


@given(reached())
@settings(max_examples=200, deadline=None)
def test_every_state_leads_back_by_single_steps(state: Release) -> None:
    """Each change on the way is one step of a release, and the last state is the wanted one."""
    states = [state, *way(state, WANTED)]
    assert states[-1] == WANTED
    assert all(step_between(before, afterwards) is not Step.NOTHING for before, afterwards in pairwise(states))


def test_nothing_is_done_where_nothing_is_to_be_done() -> None:
    """What is there already needs no step."""
    assert way(WANTED, WANTED) == []


@pytest.mark.parametrize("there", [WANTED, at_rest("canary", "0.2.0", 1)])
def test_a_drill_begins_with_a_stack_file_of_its_own(there: Release) -> None:
    """Also where the one before ended in the state that the next begins with: the stack file was made anew."""
    project = create_autospec(Project, instance=True)
    project.deployed.return_value = there
    go(project, WANTED)
    assert project.mock_calls[0] == call.make()
    assert project.mock_calls[-2:] == [call.write(WANTED), call.apply()]


def test_a_release_that_is_under_way_is_left_to_its_owner() -> None:
    """A stack file with a candidate in it is no state to come back to."""
    with pytest.raises(DrillError, match="under way"):
        way(WANTED, after(prepared(canary("0.1.0"), "0.2.0"), Step.ADVANCE))
