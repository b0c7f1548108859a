"""The stacks, as HashiCorp's AWS provider sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contracts.terraform import coverage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contracts.terraform.contract import Outcome
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.schema import Schema

pytestmark = [pytest.mark.contract, pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_every_argument_is_one_the_provider_knows(outcome: Outcome) -> None:
    """The real provider finds every name, type and value of all three stacks right."""
    assert outcome.validated == []


def test_every_stack_can_be_planned(outcome: Outcome) -> None:
    """The real provider plans all three stacks, each in its own account."""
    assert outcome.planned == []
    assert "plan" in outcome.seconds


def test_what_is_not_applied_has_a_reason(outcome: Outcome, known: Facts) -> None:
    """Only types that moto is known to lack fail, and each of those does: no reason outlives its cause."""
    unexplained = [each for each in outcome.failed if each.address.split(".")[0] not in known.moto_lacks]
    assert unexplained == []
    assert {each.address.split(".")[0] for each in outcome.failed} == set(known.moto_lacks)


def test_most_types_are_applied(programs: Sequence[Program], outcome: Outcome, known: Facts) -> None:
    """At least four of five resource types of the three stacks are really created on moto; every other has a reason."""
    tally = coverage.count(programs, outcome)
    assert set(tally.not_applied) <= set(known.moto_lacks)
    assert len(tally.applied) >= 0.8 * len(tally.types)


def test_a_second_plan_changes_nothing(outcome: Outcome, known: Facts) -> None:
    """What was applied is what was asked for; a difference is accepted only where moto is known to answer falsely."""
    unexplained = [
        each
        for each in outcome.again
        if not any(quirk.explains(each) for quirk in known.moto_is_wrong)
        and not (each.type in known.moto_lacks and each.before is None)
    ]
    assert unexplained == []


def test_every_quirk_of_moto_is_seen(outcome: Outcome, known: Facts) -> None:
    """No known difference outlives its cause."""
    unseen = [quirk for quirk in known.moto_is_wrong if not any(map(quirk.explains, outcome.again))]
    assert unseen == []


def test_all_can_be_destroyed(outcome: Outcome) -> None:
    """The stacks go as they came."""
    assert outcome.destroyed == []
    assert "destroy" in outcome.seconds


def test_every_difference_of_the_majors_is_touched(programs: Sequence[Program], schema: Schema, known: Facts) -> None:
    """What is listed as new in provider 6 is an argument that the program gives and that 5.100.0 does not know."""
    touched = coverage.unknown_arguments(programs, schema, known)
    assert touched == {(each.type, each.argument) for each in known.majors}
