"""What the rules of change have to know beside the two states of a release: receipts, freezes, another stack."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra import catalogue, deployed, release_states
from infra.settings import errors, stack_file
from infra.settings.errors import SettingsError

if TYPE_CHECKING:
    from infra.settings import Service, Settings


def facts(settings: Settings, service: Service, *, source: Path, root: Path) -> dict[str, Any]:
    """The facts about one service, as data.

    Args:
        settings: the stack's, whose versions are known to have receipts.
        service: which of its services.
        source: the stack file that errors point to.
        root: the root of the project.

    Raises:
        SettingsError: the stack that versions come from has no stack file.
    """
    promoted_from = settings.changes.promoted_from
    rules = settings.changes.model_dump(mode="json", include={"freezes"})
    rules["waivers"] = [
        waiver.model_dump(mode="json") for waiver in settings.changes.waivers if waiver.service == service.name
    ]
    if promoted_from is not None:
        rules |= {"promoted_from": promoted_from, "promoted": _routed(promoted_from, service.name, source, root)}
    receipts = {version: _receipt(settings, service.name, version, root) for version in service.versions()}
    return {"receipts": receipts, "changes": rules}


def _receipt(settings: Settings, service: str, version: str, root: Path) -> dict[str, str]:
    found = catalogue.receipt(settings, service, version, root=root)
    return {"service": found.service, "version": found.version, "model_digest": found.model_digest}


def _routed(stack: str, service: str, source: Path, root: Path) -> list[str]:
    """The versions that another stack's file routes requests to: that of the base branch, where one is given."""
    base = os.environ.get(deployed.BASE_STACK_FILE)
    path = stack_file(stack, Path(base).parent if base else root)
    if not path.is_file():
        key = ("changes", "promoted_from")
        sentence = f"{path.name} is no stack file here. Allowed: the name of a stack, or without"
        raise SettingsError(f"{errors.at(source, key)}: {errors.key(key)}: {sentence}.")
    release = deployed.read_stack_file(path).get(service)
    try:
        slots = [slot for _, slot in release_states.parse(release).release.slots()] if release else []
    except ValueError as error:
        raise SettingsError(f"{path.name}: the release of {service} cannot be read: {error}") from None
    return sorted({slot.version for slot in slots if slot.weight})
