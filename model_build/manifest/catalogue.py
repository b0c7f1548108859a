"""The catalogue: which versions of which services exist, each described by its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from model_build.manifest.receipt import Receipt, ReceiptError, read_receipt

CATALOGUE = Path("releases")
LOCAL_RECEIPTS = Path(".state/releases")


class CatalogueError(Exception):
    """A version that has no usable receipt; the message says which versions have one."""


class Origin(Enum):
    """Where a receipt comes from; a committed one hides a local one of the same version."""

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


def list_entries(*, root: Path) -> list[CatalogueEntry]:
    """List the versions in ``releases/`` and in the local state, ordered by service and version."""
    found: dict[tuple[str, str], CatalogueEntry] = {}
    for origin, directory in ((Origin.LOCAL, LOCAL_RECEIPTS), (Origin.COMMITTED, CATALOGUE)):
        for path in (root / directory).glob("*/*.json"):
            entry = CatalogueEntry(service=path.parent.name, version=path.stem, origin=origin, path=path)
            found[entry.service, entry.version] = entry
    return sorted(found.values(), key=lambda entry: (entry.service, _order(entry.version)))


def find_entry(service: str, version: str, *, root: Path) -> CatalogueEntry:
    """Find a version's entry.

    Raises:
        CatalogueError: there is none; says which there are.
    """
    entries = [entry for entry in list_entries(root=root) if entry.service == service]
    for entry in entries:
        if entry.version == version:
            return entry
    known = ", ".join(f"{entry.version} ({entry.origin.value})" for entry in entries) or "none"
    raise CatalogueError(
        f"version {version} of {service} is not in the catalogue; known: {known}; build it with"
        f" `python -m model_build build --service {service} --version {version}`"
    )


def find_receipt(service: str, version: str, *, root: Path) -> Receipt:
    """Read a version's receipt.

    Args:
        service: its name.
        version: a semantic version.
        root: the checkout, which holds ``releases/`` and ``.state/``.

    Raises:
        CatalogueError: there is none, or it cannot be used.
    """
    return find_entry(service, version, root=root).read()


def _order(version: str) -> tuple[list[int], bool, str]:
    """Order semantic versions: numbers as numbers, a pre-release before its release."""
    release, _, suffix = version.partition("-")
    numbers = [int(part) if part.isdecimal() else 0 for part in release.split(".")]
    return numbers, not suffix, suffix
