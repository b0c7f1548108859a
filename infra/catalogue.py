"""Which versions a stack may name: those with a receipt, and with the model that the receipt describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.settings import errors
from infra.settings.errors import SettingsError
from model_build import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings


def check_versions(settings: Settings, *, source: Path, root: Path) -> None:
    """Make sure that every version a slot names has a receipt, and that its image will hold that very model.

    Raises:
        SettingsError: with a line for each slot whose version is unknown, or whose model lies here in another form.
    """
    problems = list[str]()
    for index, service in enumerate(settings.services):
        for name, slot in service.release.slots():
            try:
                _check_version(service.name, slot.version, root=root)
            except (manifest.CatalogueError, manifest.ManifestError) as error:
                path = ("services", index, "release", name, "version")
                problems.append(f"{errors.at(source, path)}: {errors.key(path)}: {error}")
    if problems:
        raise SettingsError("\n".join(problems))


def _check_version(service: str, version: str, *, root: Path) -> None:
    receipt = manifest.find_receipt(service, version, root=root)
    if manifest.digest(model_directory(service, version, root=root)) != receipt.model_digest:
        raise manifest.ManifestError(
            f"the model of {service} {version} on this machine is not the one that its receipt describes; "
            f"build it with `python -m model_build build --service {service} --version {version}`"
        )


def model_directory(service: str, version: str, *, root: Path) -> Path:
    """Where `model_build` puts the model of a version."""
    return root / ".state" / "models" / service / version
