"""Mistakes, made on purpose in resources that are right."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contracts.terraform.recording import Declared, Program

FILE = Path(__file__).with_name("seeds.toml")


class Seed(BaseModel):
    """One mistake.

    Attributes:
        kind: of mistake.
        type: Pulumi's.
        set: arguments that are wrong, over those that are right.
        remove: an argument that is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["wrong name", "wrong type", "wrong enum value", "missing"]
    type: str
    set: dict[str, Any] = Field(default_factory=dict[str, Any])
    remove: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.type} {', '.join(self.set) or self.remove}"

    def sow(self, program: Program, label: str) -> Declared:
        """The first resource of the type, with the mistake.

        Args:
            program: declares it.
            label: what Terraform calls it.
        """
        right = next(each for each in program.resources if each.token == self.type)
        inputs = {name: value for name, value in _merge(right.inputs, self.set).items() if name != self.remove}
        assert inputs != right.inputs
        return replace(right, label=label, inputs=inputs)


def read() -> list[Seed]:
    """Read seeds.toml."""
    return [Seed.model_validate(each) for each in tomllib.loads(FILE.read_text(encoding="utf-8"))["seed"]]


def _merge(right: Mapping[str, Any], wrong: Mapping[str, Any]) -> dict[str, Any]:
    """The wrong over the right, also within an object."""
    return {
        **right,
        **{
            name: _merge(right[name], cast("dict[str, Any]", value))
            if isinstance(value, dict) and isinstance(right.get(name), dict)
            else value
            for name, value in wrong.items()
        },
    }
