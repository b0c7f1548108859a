"""The differences that are known, read from facts.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contracts.terraform.differences import Difference

FILE = Path(__file__).with_name("facts.toml")


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quirk(_Fact):
    """Something that moto answers falsely.

    Attributes:
        type: Terraform's.
        attribute: that a second plan wants to change, though nothing changed.
        says: what moto says of it; by default nothing.
        adds: what marks an item that moto adds to the right ones.
        reason: what moto does.
    """

    type: str
    attribute: str
    says: Any = None
    adds: dict[str, Any] | None = None
    reason: str

    def explains(self, difference: Difference) -> bool:
        """Whether a difference is this and nothing more."""
        if (difference.type, difference.attribute) != (self.type, self.attribute):
            return False
        if self.adds:
            return [item for item in difference.before if not self.adds.items() <= item.items()] == difference.after
        return difference.before == self.says or not (difference.before or self.says)


class Output(_Fact):
    """Something that moto does not tell.

    Attributes:
        output: Terraform's type, and the path from a resource of it.
        instead: what is used in its place.
        reason: why moto does not tell.
    """

    output: str
    instead: str
    reason: str


class Major(_Fact):
    """A difference between the provider that pulumi_aws 7 bridges (6.x) and the one that is asked here (5.100.0).

    Attributes:
        type: Pulumi's.
        argument: Pulumi's name of an argument that the older provider does not have; it is left out.
        reason: what changed, and what is done about it here.
    """

    type: str
    argument: str
    reason: str


class ReplacesOtherwise(_Fact):
    """An argument on which the real provider's plan and the stand-in's table disagree.

    Attributes:
        type: Pulumi's.
        argument: its dotted path.
        reason: why both are right.
    """

    type: str
    argument: str
    reason: str


class Facts(_Fact):
    """All of them.

    Attributes:
        types: Terraform types by Pulumi token, where the name does not tell.
        arguments: Terraform's arguments by Pulumi token and name, where the name does not tell.
        moto_lacks: why moto cannot create a type, by Terraform's name.
        moto_leaves_out: outputs that something else takes the place of.
        to_destroy: arguments by Terraform's type, applied instead of the program's so that all can be destroyed.
        moto_is_wrong: the differences that a second plan may show.
        replaces_otherwise: changes that replace in one of provider and stand-in.
        majors: arguments on which the two major versions of the provider differ.
    """

    types: dict[str, str]
    arguments: dict[str, dict[str, str]]
    moto_lacks: dict[str, str]
    moto_leaves_out: tuple[Output, ...] = ()
    to_destroy: dict[str, dict[str, Any]]
    moto_is_wrong: tuple[Quirk, ...] = ()
    replaces_otherwise: tuple[ReplacesOtherwise, ...] = ()
    majors: tuple[Major, ...] = ()

    def older(self, type_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a Pulumi type that the older provider knows, under names that tell."""
        newer = {each.argument for each in self.majors if each.type == type_}
        names = self.arguments.get(type_, {})
        return {names.get(name, name): value for name, value in inputs.items() if name not in newer}


def read() -> Facts:
    """Read facts.toml."""
    return Facts.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))
