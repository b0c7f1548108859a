"""What a change of a release must respect, beyond being one step: freezes, and what another stack has run."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from infra.settings import errors
from infra.settings.base import Model, Name

# YAML gives a date, JSON a text.
Moment = Annotated[AwareDatetime, Field(strict=False)]
_Reason = Annotated[str, Field(min_length=10, max_length=500)]


class Freeze(Model):
    """A time in which no release goes forward; a rollback always may."""

    begins: Moment
    ends: Moment
    reason: _Reason

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.ends <= self.begins:
            sentence = f"{self.ends.isoformat()} is not after begins, {self.begins.isoformat()}. Allowed: a later time"
            raise errors.conflict(("ends",), sentence)
        return self


class Waiver(Model):
    """Break-glass: one service may go forward in a freeze, or with a version that the stack before has not run."""

    service: Name
    reason: _Reason
    approved_by: Annotated[str, Field(min_length=3, max_length=200)]
    expires: Moment


class Changes(Model):
    """The rules of change of a stack."""

    promoted_from: Name | None = Field(
        default=None, description="The stack whose file must route requests to a version before this one may."
    )
    freezes: tuple[Freeze, ...] = ()
    waivers: tuple[Waiver, ...] = ()
