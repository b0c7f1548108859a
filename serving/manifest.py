"""Integrity of a model directory: every file must be the one that ``manifest.json`` names, by SHA-256."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"


class ModelError(Exception):
    """A model directory that cannot be served; the message names the file and what is wrong with it."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    bytes: int


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1]
    files: dict[str, _Entry]


def verify(directory: Path) -> str:
    """Compare every file of a model directory with its manifest.

    Returns:
        The SHA-256 of the manifest itself, which names the model.

    Raises:
        ModelError: a file is missing, not named, or has other contents.
    """
    path = directory / MANIFEST
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    try:
        manifest = _Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    there = {str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file()} - {MANIFEST}
    if strange := sorted(there - manifest.files.keys()):
        raise ModelError(f"{directory / strange[0]}: not named in {MANIFEST}")
    if missing := sorted(manifest.files.keys() - there):
        raise ModelError(f"{directory / missing[0]}: named in {MANIFEST} but missing")
    for name, entry in manifest.files.items():
        with (directory / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry.sha256:
            raise ModelError(f"{directory / name}: SHA-256 is {found}, {MANIFEST} says {entry.sha256}")
    return hashlib.sha256(raw).hexdigest()
