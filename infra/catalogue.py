"""Which versions a stack may name: those with a receipt in the catalogue or, built here, in the local state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra import settings_errors
from infra.settings_errors import SettingsError
from model_build import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings


def check_versions(settings: Settings, *, source: Path, root: Path) -> None:
    """Make sure that every version a slot names has a receipt.

    Raises:
        SettingsError: with a line for each slot whose version is unknown.
    """
    problems = list[str]()
    for index, service in enumerate(settings.services):
        for name, slot in service.release.slots():
            try:
                manifest.find_receipt(service.name, slot.version, root=root)
            except manifest.CatalogueError as error:
                path = ("services", index, "release", name, "version")
                problems.append(f"{settings_errors.at(source, path)}: {settings_errors.key(path)}: {error}")
    if problems:
        raise SettingsError("\n".join(problems))
