"""What the rules of change have to know beside the two states of a release: receipts, freezes, another stack."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra import catalogue, deployed, release_states
from infra.release_states import Change
from infra.settings import errors, stack_file
from infra.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.settings import Changes, Service, Settings


def in_force(settings: Settings) -> Changes:
    """The rules of change: the stack's own, and those of the base branch's stack file where one is given.

    So a pull request that ends a freeze, or asks no other stack, does that and releases nothing by it.

    Raises:
        SettingsError: the base branch's cannot be read.
    """
    own, base = settings.changes, os.environ.get(deployed.BASE_STACK_FILE)
    there = deployed.read_changes(Path(base)) if base else None
    if there is None:
        return own
    freezes = tuple(dict.fromkeys((*there.freezes, *own.freezes)))
    return own.model_copy(update={"freezes": freezes, "promoted_from": there.promoted_from or own.promoted_from})


def proven(changes: Mapping[str, Change], rules: Changes, *, source: Path, root: Path) -> dict[str, Change]:
    """The changes with the versions that they may bring: of a step that is done, as they were when it was begun.

    Args:
        changes: by service.
        rules: of change.
        source: the stack file that errors point to.
        root: the root of the project.

    Raises:
        SettingsError: the stack that versions come from has no stack file.
    """
    stack = rules.promoted_from
    if stack is None:
        return dict(changes)
    found = dict[str, Change]()
    for service, change in changes.items():
        if change.is_new:
            found[service] = replace(change, proven=_routed(stack, service, source, root))
        elif change.proven is None:  # done before anybody asked: what is there stays
            found[service] = replace(change, proven=tuple(sorted(change.wanted.versions())))
        else:
            found[service] = change
    return found


def facts(settings: Settings, service: Service, *, rules: Changes, change: Change, root: Path) -> dict[str, Any]:
    """The facts about one service, as data.

    Args:
        settings: the stack's, whose versions are known to have receipts.
        service: which of its services.
        rules: of change.
        change: of the service.
        root: the root of the project.
    """
    told = rules.model_dump(mode="json", include={"freezes"})
    told["waivers"] = [waiver.model_dump(mode="json") for waiver in rules.waivers if waiver.service == service.name]
    if rules.promoted_from is not None:
        told |= {"promoted_from": rules.promoted_from, "promoted": list(change.proven or ())}
    receipts = {version: _receipt(settings, service.name, version, root) for version in service.versions()}
    return {"receipts": receipts, "changes": told}


def _receipt(settings: Settings, service: str, version: str, root: Path) -> dict[str, str]:
    found = catalogue.receipt(settings, service, version, root=root)
    return {"service": found.service, "version": found.version, "model_digest": found.model_digest}


def _routed(stack: str, service: str, source: Path, root: Path) -> tuple[str, ...]:
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
    return tuple(sorted({slot.version for slot in slots if slot.weight}))
