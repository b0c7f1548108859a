"""Where a build keeps its results, below the checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from model_build.manifest import LOCAL_RECEIPTS

MODELS = Path(".state/models")


@dataclass(frozen=True, kw_only=True)
class Places:
    """The paths of one version.

    Attributes:
        root: the checkout.
        service: its name.
        version: semantic version.
    """

    root: Path
    service: str
    version: str

    @property
    def model(self) -> Path:
        """The model directory; it is there whole or not at all."""
        return self.root / MODELS / self.service / self.version

    @property
    def receipt(self) -> Path:
        """The receipt of the local build."""
        return self.root / LOCAL_RECEIPTS / self.service / f"{self.version}.json"

    @property
    def scratch(self) -> Path:
        """The directory in which the version is built; what a cut-off build left in it is removed by the next."""
        return self.root / MODELS / f".building-{self.service}-{self.version}"

    @property
    def lock(self) -> Path:
        """Held while the version is built."""
        return self.root / MODELS / f".{self.service}-{self.version}.lock"
