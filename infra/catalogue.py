"""Which versions a stack may name: those with a receipt, and with the model that the receipt describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.settings import EksCluster, errors
from infra.settings.errors import SettingsError
from model_build import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings


def check_versions(settings: Settings, *, source: Path, root: Path) -> None:
    """Make sure that every version a slot names has a receipt, and that an image built here holds that very model.

    Raises:
        SettingsError: with a line for each slot whose version is unknown, or whose model lies here in another form.
    """
    problems = list[str]()
    for index, service in enumerate(settings.services):
        for name, slot in service.release.slots():
            try:
                _check_version(settings, service.name, slot.version, root=root)
            except (manifest.CatalogueError, manifest.ManifestError) as error:
                path = ("services", index, "release", name, "version")
                problems.append(f"{errors.at(source, path)}: {errors.key(path)}: {error}")
    if problems:
        raise SettingsError("\n".join(problems))


def receipt(settings: Settings, service: str, version: str, *, root: Path) -> manifest.Receipt:
    """The receipt that counts for a stack: of this machine's build where it runs here, else the committed one.

    Raises:
        manifest.CatalogueError: there is none, or it cannot be used.
    """
    is_shared = isinstance(settings.cluster, EksCluster)
    origins = (manifest.Origin.COMMITTED,) if is_shared else manifest.LOCAL_FIRST
    return manifest.find_receipt(service, version, root=root, origins=origins)


def _check_version(settings: Settings, service: str, version: str, *, root: Path) -> None:
    expected = receipt(settings, service, version, root=root).model_digest
    model = model_directory(service, version, root=root)
    if isinstance(settings.cluster, EksCluster) and not model.exists():
        return  # whoever builds the image must have it: docker-build says so; others need no more than the receipt
    how = f"build it with `python -m model_build build --service {service} --version {version}`"
    if not model.exists():
        raise manifest.ManifestError(f"the model of {service} {version} is not on this machine; {how}")
    if manifest.digest(model) != expected:
        raise manifest.ManifestError(
            f"the model of {service} {version} on this machine is not the one that its receipt describes; {how}"
        )


def model_directory(service: str, version: str, *, root: Path) -> Path:
    """Where `model_build` puts the model of a version."""
    return root / ".state" / "models" / service / version
