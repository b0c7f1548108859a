"""What the run says of resource types: how many there are, which were applied, and where the majors differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.contracts.terraform.contract import Outcome
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.schema import Schema


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Resource types of the stacks, by Terraform's names.

    Attributes:
        types: all, with how many resources there are of each.
        applied: of which every resource was created.
    """

    types: Mapping[str, int]
    applied: frozenset[str]

    @property
    def not_applied(self) -> list[str]:
        """The others."""
        return sorted(set(self.types) - self.applied)


def count(programs: Sequence[Program], outcome: Outcome) -> Tally:
    """Count the types of all stacks together."""
    resources = [resource for program in programs for resource in program.resources]
    types = [resource.type for resource in resources]
    missing = {resource.type for resource in resources if resource.address not in outcome.applied}
    return Tally(types={type_: types.count(type_) for type_ in sorted({*types})}, applied=frozenset(types) - missing)


def unknown_arguments(programs: Sequence[Program], schema: Schema, facts: Facts) -> set[tuple[str, str]]:
    """Pulumi's types and arguments that the program gives and the older provider does not know."""
    return {
        (resource.token, argument)
        for program in programs
        for resource in program.resources
        for argument in resource.inputs
        if argument not in facts.arguments.get(resource.token, {})
        and argument.lower() not in schema.resource(resource.type).by_spelling
    }
