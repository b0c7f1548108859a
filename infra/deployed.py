"""What is deployed, and the one step of each service that a stack file makes of it.

What the last update recorded of a release is the authority; where nothing is deployed yet, the stack file that
``INFERSTACK_BASE_STACK_FILE`` names stands in: the base branch's, when a pull request is reviewed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from infra.release_states import Change, change, parse
from infra.releases import StepRefusedError
from infra.settings import Changes, errors, yaml_text
from infra.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from infra.releases import Release
    from infra.settings import Settings

BASE_STACK_FILE = "INFERSTACK_BASE_STACK_FILE"
OUTPUT = "releases"
# The engine's own function: a StackReference asks for the same, but is a resource of the state and answers too late
# to say which line of the stack file is wrong.
_READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"


def changes(settings: Settings, *, stack: str, source: Path, now: datetime) -> dict[str, Change]:
    """The one step of each service, by its name.

    Args:
        settings: the wanted state.
        stack: whose state is asked for.
        source: the stack file that errors point to.
        now: when a step begins that is not made yet.

    Raises:
        SettingsError: with a line for each service whose wanted state is no step away from what is deployed.
    """
    deployed = read(stack)
    found, problems = dict[str, Change](), list[str]()
    for index, service in enumerate(settings.services):
        known = deployed.get(service.name)
        try:
            found[service.name] = change(known, service.release, now=now)
        except StepRefusedError as error:
            before = parse(known).release if known else None
            path = ("services", index, "release", *_place(before, service.release))
            problems.append(f"{errors.at(source, path)}: {errors.key(path)}: {error}.")
        except (ValueError, TypeError) as error:
            raise SettingsError(
                f"what is deployed of {service.name} cannot be read: {' '.join(str(error).split())}. "
                f"See `pulumi stack output {OUTPUT}`"
            ) from None
    if problems:
        raise SettingsError("\n".join(problems))
    return found


def read(stack: str) -> Mapping[str, Mapping[str, Any]]:
    """What is deployed of each service, as :meth:`Change.record` says it; empty where nothing is.

    Raises:
        SettingsError: the base branch's stack file cannot be read.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    outputs = pulumi.runtime.invoke(_READ_OUTPUTS, {"name": name}).value["outputs"]
    if OUTPUT in outputs:
        # Of a service that no update was aimed at yet, the engine keeps no more than that something will be known.
        recorded: dict[str, Any] = outputs[OUTPUT]
        return {name: known for name, known in recorded.items() if _is_known(known)}
    base = os.environ.get(BASE_STACK_FILE)
    return read_stack_file(Path(base)) if base else {}


def _is_known(record: object) -> bool:
    return isinstance(record, dict) and bool(record)  # pyright: ignore[reportUnknownArgumentType]  # of whatever


def read_stack_file(path: Path) -> dict[str, dict[str, Any]]:
    """The releases in a stack file, whatever else is in it: that of another branch may not fit today's settings.

    Raises:
        SettingsError: it cannot be read.
    """
    return dict(_releases(_document(path)))


def read_changes(path: Path) -> Changes | None:
    """The rules of change in a stack file, as far as :func:`read_stack_file` goes; None where it has none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        raw = _document(path)["config"]["inferstack:changes"]
    except (KeyError, TypeError):
        return None
    try:
        return Changes.model_validate_json(json.dumps(raw))
    except ValueError as error:
        sentence = " ".join(str(error).split())
        raise SettingsError(
            f"{path.name}: inferstack:changes, of the base branch, cannot be read: {sentence}"
        ) from None


def _document(path: Path) -> Any:  # noqa: ANN401  whatever somebody wrote
    try:
        return yaml_text.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # a new stack
    except (OSError, UnicodeDecodeError, yaml_text.YamlError) as error:
        raise SettingsError(f"{path.name}: not readable: {error}") from None


def _releases(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401  whatever somebody wrote
    try:
        services = document["config"]["inferstack:services"]
        yield from ((service["name"], dict(service["release"])) for service in services)
    except (KeyError, TypeError, ValueError):
        return


def _place(before: Release | None, wanted: Release) -> errors.Location:
    """The key, below a release, that a person has to change: the last one that differs from what is deployed."""
    old = dict(before.slots()) if before else {}
    for name, slot in reversed(list(wanted.slots())):
        was = old.get(name)
        if was is None:
            return (name,)
        for field in ("version", "weight", "replicas"):
            if getattr(slot, field) != getattr(was, field):
                return (name, field)
    return ()
