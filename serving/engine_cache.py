"""The folder of built engines: one sub-folder for each set of all that an engine depends on (ADR 0011).

It may be an S3 bucket mounted as a folder, so a file is written once, in order, and nothing is renamed. The receipt
comes last: what has no receipt is not there.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from serving.manifest import ModelError
from serving.profile import Profile  # noqa: TC001  # pydantic reads it

if TYPE_CHECKING:
    from pathlib import Path

RECEIPT = "receipt.json"
_TIMINGS = "timings"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineKey(_Strict):
    """All that an engine depends on; ``model`` is the SHA-256 of its manifest.

    The device is a part of it: TensorRT tunes for one model of GPU, and an L4 and an L40S are both ``sm89``.
    """

    model: str
    provider: str
    onnxruntime: str
    tensorrt: str | None
    architecture: str
    device: str
    profile: Profile | None

    @property
    def folder(self) -> str:
        """Name of its folder: the architecture, for people, and a hash of everything."""
        return f"{self.architecture}-{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]}"


class EngineFile(_Strict):
    """One file of an engine."""

    sha256: str
    bytes: int


class Run(_Strict):
    """One shape of the profile: how long a run takes, and how far it is from the CPU's answer (a probability)."""

    batch: int
    length: int
    milliseconds: float
    difference: float


class Receipt(_Strict):
    """``receipt.json``: what was built, on what, and what it was found to do."""

    schema_version: Literal[1] = 1
    key: EngineKey
    inputs: list[str]
    files: dict[str, EngineFile]
    build_seconds: float
    golden: str
    tolerance: float
    runs: list[Run]


class EngineCache:
    """The cache of one key."""

    def __init__(self, root: Path, key: EngineKey) -> None:
        self.key = key
        self.folder = root / key.folder
        self._root = root

    def receipt(self) -> Receipt | None:
        """Read the receipt; None when there is none, or one that was cut off while it was written.

        Raises:
            ModelError: the folder cannot be read, or the receipt is of something else.
        """
        path = self.folder / RECEIPT
        try:
            receipt = Receipt.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            return None
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}") from None
        if receipt.key != self.key:
            raise ModelError(f"{path}: is the receipt of another engine; remove the folder and build again")
        return receipt

    def fetch(self, receipt: Receipt, target: Path) -> None:
        """Copy the engine to a folder of the process's own and check each file there, so that no one can change it.

        Raises:
            ModelError: a file is missing or is not the one of the receipt.
        """
        for name, expected in receipt.files.items():
            source, copy = self.folder / name, target / name
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
            except OSError as error:
                raise ModelError(f"{source}: {error.strerror}") from None
            if (found := _hash(copy)) != expected.sha256:
                raise ModelError(f"{source}: SHA-256 is {found}, its receipt says {expected.sha256}")

    def store(self, source: Path, receipt: Receipt, *, timings: Path) -> None:
        """Copy an engine and its timing cache from the folders where they were built, and the receipt last.

        Raises:
            ModelError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in receipt.files:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, self.folder / name)
            for file in timings.iterdir():
                (self.folder / _TIMINGS).mkdir(exist_ok=True)
                shutil.copyfile(file, self.folder / _TIMINGS / file.name)
            (self.folder / RECEIPT).write_text(receipt.model_dump_json(indent=2) + "\n")
        except OSError as error:
            raise ModelError(f"{error.filename or self.folder}: {error.strerror}") from None

    def fetch_timings(self, target: Path) -> None:
        """Copy the timing cache of some engine of this architecture: a hint that makes a build faster, no more."""
        for file in sorted(self._root.glob(f"{self.key.architecture}-*/{_TIMINGS}/*")):
            shutil.copyfile(file, target / file.name)


def describe_files(folder: Path) -> dict[str, EngineFile]:
    """Every file below a folder, by its path there."""
    return {
        str(path.relative_to(folder)): EngineFile(sha256=_hash(path), bytes=path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
