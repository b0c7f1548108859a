"""The stand-in of rehearsals replaces what the real provider replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contracts.terraform import replacing

if TYPE_CHECKING:
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.replacing import Verdicts

pytestmark = [pytest.mark.contract, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_the_stand_in_replaces_what_the_provider_replaces(verdicts: Verdicts, known: Facts) -> None:
    """Every argument that the program gives or the table names: the table says what the plan says, but for reasons."""
    table = replacing.table()
    differing = {
        (type_, path) for (type_, path), replaces in verdicts.replaces.items() if replaces != _in(table[type_], path)
    }
    assert differing == {(each.type, each.argument) for each in known.replaces_otherwise}


def test_most_replacing_properties_are_judged(verdicts: Verdicts) -> None:
    """The plan says something of nine in ten; the rest are arguments of which the provider takes no other value."""
    assert len(verdicts.replaces) > 9 * len(verdicts.undecided)
    assert sum(verdicts.replaces.values()) > 100


def _in(paths: tuple[str, ...], path: str) -> bool:
    """Whether a path, what it is in, or something in it replaces."""
    return any(f"{path}.".startswith(f"{each}.") or f"{each}.".startswith(f"{path}.") for each in paths)
