"""The price table: list prices per region, with their date and source."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rehearsal.errors import RehearsalError

FILE = Path(__file__).with_name("prices.json")
# Prices move a few times a year.
_STALE = dt.timedelta(days=180)


class Prices(BaseModel):
    """Prices by region and item. An item is charged by the hour, the gigabyte and month, or the piece and month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: str = Field(description="When they were read: YYYY-MM-DD.")
    source: str
    currency: str
    spot_share: Annotated[float, Field(gt=0, le=1)] = Field(
        description="What spot capacity costs as a part of the list price: an estimate, since it changes by the hour."
    )
    regions: dict[str, dict[str, Annotated[float, Field(gt=0)]]]

    def is_stale(self, today: dt.date) -> bool:
        """Whether they should be read anew."""
        return today - dt.date.fromisoformat(self.date) > _STALE


def load(file: Path = FILE) -> Prices:
    """Return the table.

    Raises:
        RehearsalError: it is damaged.
    """
    try:
        prices = Prices.model_validate_json(file.read_bytes())
        dt.date.fromisoformat(prices.date)
    except (ValidationError, ValueError, OSError) as error:
        raise RehearsalError(f"{file.name} cannot be read: {error}; `git checkout` it, or mend it") from None
    return prices


def save(prices: Prices, file: Path = FILE) -> None:
    """Write the table, in an order in which changes show well."""
    regions = {region: dict(sorted(table.items())) for region, table in sorted(prices.regions.items())}
    file.write_text(prices.model_copy(update={"regions": regions}).model_dump_json(indent=2) + "\n", encoding="utf-8")
