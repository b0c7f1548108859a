"""Integrity of a model directory: ``manifest.json`` names every other file with its SHA-256 and its size."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ManifestError(Exception):
    """A directory that is not what its manifest says; the message names the file and the difference."""


class FileEntry(BaseModel):
    """What a file must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    bytes: int


class Manifest(BaseModel):
    """``manifest.json``: every other file of the directory by its path below it, sorted.

    The SHA-256 of the file itself names the model: the model digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    files: dict[str, FileEntry]


def create(directory: Path) -> Manifest:
    """Write the manifest of what lies in a directory; the same contents give the same bytes.

    Raises:
        ManifestError: a file cannot be read, or the manifest cannot be written.
    """
    try:
        manifest = Manifest(files={name: _entry(directory / name) for name in _names(directory)})
        (directory / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ManifestError(f"{error.filename or directory}: {error.strerror}") from None
    return manifest


def read(directory: Path) -> Manifest:
    """Read the manifest; the files themselves are not looked at.

    Raises:
        ManifestError: there is no manifest that can be read.
    """
    return _parse(_raw(directory), directory)


def digest(directory: Path) -> str:
    """Return the model digest: the SHA-256 of ``manifest.json``, as 64 hexadecimal digits.

    Raises:
        ManifestError: there is no manifest that can be read.
    """
    return hashlib.sha256(_raw(directory)).hexdigest()


def verify(directory: Path) -> str:
    """Compare every file of a directory with its manifest.

    Returns:
        The model digest.

    Raises:
        ManifestError: the manifest is no manifest, or a file is missing, not named, or has other contents.
    """
    raw = _raw(directory)
    manifest = _parse(raw, directory)
    there = set(_names(directory))
    if strange := sorted(there - manifest.files.keys()):
        raise ManifestError(f"{directory / strange[0]}: not named in {MANIFEST}")
    if missing := sorted(manifest.files.keys() - there):
        raise ManifestError(f"{directory / missing[0]}: named in {MANIFEST} but missing")
    for name, wanted in manifest.files.items():
        _check(directory / name, wanted)
    return hashlib.sha256(raw).hexdigest()


def _parse(raw: bytes, directory: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "file"
        raise ManifestError(f"{directory / MANIFEST}: {key}: {first['msg']}") from None


def _check(path: Path, wanted: FileEntry) -> None:
    try:
        size = path.stat().st_size
        found = _entry(path) if size == wanted.bytes else None
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from None
    if found is None:
        raise ManifestError(f"{path}: has {size} bytes, {MANIFEST} says {wanted.bytes}")
    if found.sha256 != wanted.sha256:
        raise ManifestError(f"{path}: SHA-256 is {found.sha256}, {MANIFEST} says {wanted.sha256}")


def _raw(directory: Path) -> bytes:
    path = directory / MANIFEST
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from None


def _names(directory: Path) -> list[str]:
    """Paths below the directory, in POSIX form and sorted, so that no platform orders them differently."""
    files = (path for path in directory.rglob("*") if not path.is_dir())
    return sorted(name for file in files if (name := file.relative_to(directory).as_posix()) != MANIFEST)


def _entry(path: Path) -> FileEntry:
    with path.open("rb") as file:
        return FileEntry(sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=path.stat().st_size)
