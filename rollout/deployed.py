"""What is deployed: the releases in the outputs of the last update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from infra import release_states
from infra.releases import Step
from infra.settings import PROJECT, yaml_text
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.releases import Release
    from rollout.place import Place


def release(outputs: Mapping[str, Any], service: str, *, like: Release) -> Release | None:
    """The release of a service; None where none is deployed.

    Args:
        outputs: of the stack.
        service: its name.
        like: the release in the stack file, for what the outputs do not say.

    Raises:
        RolloutError: the outputs are not those of this program.
    """
    found: dict[str, Any] | None = outputs.get("releases", {}).get(service)
    if not found:  # without a field: no update was aimed at it yet
        return None
    base: dict[str, Any] = {}
    if found.get("strategy") == like.strategy:
        base = like.model_dump(mode="json", exclude=set(like.slot_names))
    try:
        return release_states.parse({**base, **found}).release
    except ValueError:
        raise RolloutError(f"what the stack's output releases.{service} says is no release: {found}") from None


def switched(outputs: Mapping[str, Any], service: str) -> bool | None:
    """Of two colours, whether the newer one has the requests, by what the program recorded; None where that is open."""
    record: dict[str, Any] = outputs.get("releases", {}).get(service) or {}
    try:
        state = release_states.parse(record)
        colours = dict(state.release.slots())
        if record.get("strategy") != "blue_green" or len(colours) == 1:
            return None
        [(_, idle)] = [each for each in colours.items() if not each[1].weight]
        [(_, active)] = [each for each in colours.items() if each[1].weight]
        if idle.version not in state.served:
            return False
        last: dict[str, Any] = record.get("last") or {}
        came = release_states.parse(last["previous"]) if last.get("step") == Step.SWITCH else None
    except (ValueError, KeyError):
        return None
    return True if came is not None and active.version not in came.served else None


def others_as_deployed(place: Place, text: str, outputs: Mapping[str, Any]) -> str:
    """A text in which every other service is as it is deployed, so that an update records nothing else of them.

    Args:
        place: whose other services are meant.
        text: of the stack file.
        outputs: of the stack.

    Returns:
        The text; for the engine, not for people, as it has no comments where anything differs.
    """
    others = [each for each in place.settings_of(text).services if each.name != place.service]
    there = {each.name: release(outputs, each.name, like=each.release) for each in others}
    if all(there[each.name] == each.release for each in others):
        return text
    document: Any = yaml_text.load(text)
    key = f"{PROJECT}:services"
    services = list[dict[str, Any]]()
    for each in document["config"][key]:
        known = there.get(each["name"])
        if known is not None:
            services.append({**each, "release": known.model_dump(mode="json", exclude_none=True)})
        elif each["name"] == place.service:
            services.append(each)
    document["config"][key] = services
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
