"""The catalogue: which versions of which services exist, each described by its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from model_build.manifest.receipt import Receipt, ReceiptError, read_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

CATALOGUE = Path("releases")
LOCAL_RECEIPTS = Path(".state/releases")


class CatalogueError(Exception):
    """A version that has no usable receipt; the message says which versions have one."""


class Origin(Enum):
    """Where a receipt comes from."""

    COMMITTED = "committed"
    LOCAL = "local build"


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """A receipt's place. Reading it is left to those who need its contents."""

    service: str
    version: str
    origin: Origin
    path: Path

    def read(self) -> Receipt:
        """Read the receipt and check that it is the one that its place says.

        Raises:
            CatalogueError: it is no receipt, or one of another version.
        """
        try:
            receipt = read_receipt(self.path)
        except ReceiptError as error:
            raise CatalogueError(str(error)) from None
        if (receipt.service, receipt.version) != (self.service, self.version):
            raise CatalogueError(f"{self.path}: describes {receipt.service} {receipt.version}; rename or remove it")
        return receipt


_PLACES = {Origin.COMMITTED: CATALOGUE, Origin.LOCAL: LOCAL_RECEIPTS}
# What every machine may rely on. A machine that runs what it built itself asks for the other order.
COMMITTED_FIRST = (Origin.COMMITTED, Origin.LOCAL)
LOCAL_FIRST = (Origin.LOCAL, Origin.COMMITTED)


def list_entries(*, root: Path, origins: Sequence[Origin] = COMMITTED_FIRST) -> list[CatalogueEntry]:
    """List the versions that have a receipt, ordered by service and version.

    Args:
        root: the checkout, which holds ``releases/`` and ``.state/``.
        origins: where to look; of two receipts of one version the one of the earlier origin counts.
    """
    found: dict[tuple[str, str], CatalogueEntry] = {}
    for origin in origins:
        for path in (root / _PLACES[origin]).glob("*/*.json"):
            entry = CatalogueEntry(service=path.parent.name, version=path.stem, origin=origin, path=path)
            found.setdefault((entry.service, entry.version), entry)
    return sorted(found.values(), key=lambda entry: (entry.service, _order(entry.version)))


def find_entry(
    service: str, version: str, *, root: Path, origins: Sequence[Origin] = COMMITTED_FIRST
) -> CatalogueEntry:
    """Find a version's entry; for ``root`` and ``origins`` see :func:`list_entries`.

    Raises:
        CatalogueError: there is none; says which there are.
    """
    entries = [entry for entry in list_entries(root=root, origins=origins) if entry.service == service]
    for entry in entries:
        if entry.version == version:
            return entry
    known = ", ".join(f"{entry.version} ({entry.origin.value})" for entry in entries) or "none"
    raise CatalogueError(
        f"version {version} of {service} is not in the catalogue; known: {known}; build it with"
        f" `python -m model_build build --service {service} --version {version}`"
    )


def find_receipt(service: str, version: str, *, root: Path, origins: Sequence[Origin] = COMMITTED_FIRST) -> Receipt:
    """Read a version's receipt; for ``root`` and ``origins`` see :func:`list_entries`.

    Raises:
        CatalogueError: there is none, or it cannot be used.
    """
    return find_entry(service, version, root=root, origins=origins).read()


def _order(version: str) -> tuple[list[int], bool, str]:
    """Order semantic versions: numbers as numbers, a pre-release before its release."""
    release, _, suffix = version.partition("-")
    numbers = [int(part) if part.isdecimal() else 0 for part in release.split(".")]
    return numbers, not suffix, suffix
