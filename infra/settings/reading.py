"""Reading a stack file: with Pulumi, without it, and its schema for editors."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from infra.settings import errors, yaml_text
from infra.settings.errors import SettingsError
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = "inferstack"


def stack_file(stack: str, root: Path | None = None) -> Path:
    """Where the settings of a stack lie: ``Pulumi.<stack>.yaml`` in the root of the project (default: here)."""
    return (root or Path()) / f"Pulumi.{stack}.yaml"


def parse(raw: Mapping[str, Any], *, source: Path) -> Settings:
    """Check settings that were read already.

    Args:
        raw: the stack's configuration without the ``inferstack:`` prefix of its keys.
        source: the stack file that errors point to.

    Raises:
        SettingsError: with one line for each thing that is wrong.
    """
    try:
        # JSON, not Python objects: strict mode then takes lists for tuples and still no text for a number.
        return Settings.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise SettingsError(errors.describe(error, schema=schema(), source=source)) from None


def read(stack: str, root: Path | None = None) -> Settings:
    """Read and check ``Pulumi.<stack>.yaml`` without Pulumi.

    Raises:
        SettingsError: the file is missing, is no YAML, or is not what :class:`Settings` allows.
    """
    path = stack_file(stack, root)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", stack):
        raise SettingsError(f"{stack!r} is no stack name: letters, digits, '.', '_' and '-' are allowed")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(file.name.split(".")[1] for file in path.parent.glob("Pulumi.*.yaml"))
        raise SettingsError(f"{path.name}: no such stack file. Stacks: {', '.join(known) or 'none'}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name}: not readable as YAML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path.name}: not readable: {error.strerror}") from None
    return parse_text(text, source=path)


def parse_text(text: str, *, source: Path) -> Settings:
    """Check the text of a stack file.

    Args:
        text: as it is in the file, or would be.
        source: the stack file that errors point to.

    Raises:
        SettingsError: it is no YAML, or not what :class:`Settings` allows.
    """
    try:
        document = yaml_text.load(text)
    except yaml_text.YamlError as error:
        place = f"{source.name}:{error.line}" if error.line else source.name
        raise SettingsError(f"{place}: {error}") from None
    config = document.get("config") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # yaml has no types
    if not isinstance(config, dict):
        raise SettingsError(f"{source.name}: a mapping named 'config' is missing at the top")
    prefix = f"{PROJECT}:"
    raw = {str(key).removeprefix(prefix): value for key, value in config.items() if str(key).startswith(prefix)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # as above
    return parse(raw, source=source)  # pyright: ignore[reportUnknownArgumentType]  # as above


def from_pulumi(stack: str, root: Path) -> Settings:
    """The settings as the engine gives them to the program that runs.

    Raises:
        SettingsError: as :func:`parse`.
    """
    # The engine hands all configuration over in one variable; pulumi.Config answers only for keys that it is asked for,
    # and so could never notice an unknown one.
    config: dict[str, str] = json.loads(os.environ.get("PULUMI_CONFIG", "{}"))
    prefix = f"{PROJECT}:"
    raw = {key.removeprefix(prefix): _value(text) for key, text in config.items() if key.startswith(prefix)}
    return parse(raw, source=stack_file(stack, root))


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def schema() -> dict[str, Any]:
    """The JSON Schema of :class:`Settings`."""
    return Settings.model_json_schema()


def stack_file_schema() -> dict[str, Any]:
    """The JSON Schema of a whole ``Pulumi.<stack>.yaml``, for editors: see ``docs/stack.schema.json``."""
    inner = schema()
    definitions = inner.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of inferstack",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "properties": {f"{PROJECT}:{key}": value for key, value in inner["properties"].items()},
                "required": [f"{PROJECT}:{key}" for key in inner["required"]],
                "patternProperties": {f"^(?!{PROJECT}:)": {}},
                "additionalProperties": False,
            },
            "encryptionsalt": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
        },
        "additionalProperties": False,
        "$defs": definitions,
    }
