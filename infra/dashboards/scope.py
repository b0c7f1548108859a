"""What panels are about: a service, or one slot of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import Service


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A service with all its slots, or one of them.

    Attributes:
        service: as the stack file has it.
        slot: the only slot; all slots without it.
    """

    service: Service
    slot: str | None = None

    @property
    def labels(self) -> dict[str, str]:
        """The labels that its series have."""
        return {"service": self.service.name, **({"slot": self.slot} if self.slot else {})}

    @property
    def matchers(self) -> str:
        """The labels as PromQL matches them."""
        return ",".join(f'{name}="{value}"' for name, value in self.labels.items())

    @property
    def quiet(self) -> str:
        """Why it may have no series of requests."""
        return "the slot is empty, or got no requests" if self.slot else "nothing was asked in this time"

    def title(self, text: str) -> str:
        """The title of a panel, which tells two slots on one dashboard apart."""
        return f"{text}, {self.slot}" if self.slot else text
