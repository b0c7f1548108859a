"""Images made without a builder."""

import io
import json
import tarfile
from pathlib import Path

from local import oci


def test_same_program_same_digest(tmp_path: Path) -> None:
    """An image's digest follows from its content alone, not from when or where it was made."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "program").write_bytes(b"\x7fELF")
    first, second = (
        oci.build({"program": tmp_path / folder / "program"}, entrypoint=["/program"]) for folder in ("a", "b")
    )
    assert first == second
    (tmp_path / "b/program").write_bytes(b"other")
    assert oci.build({"program": tmp_path / "b/program"}, entrypoint=["/program"]).digest != first.digest


def test_an_archive_holds_what_its_index_names(tmp_path: Path) -> None:
    """Every digest that index and manifest name is a blob of the archive with that digest."""
    binary = tmp_path / "pause"
    binary.write_bytes(b"\x7fELF")
    oci.write_pause_archive(binary, tmp_path / "pause.tar")
    with tarfile.open(tmp_path / "pause.tar") as archive:
        blobs = {member.name: _read(archive, member) for member in archive.getmembers()}
    entry = json.loads(blobs["index.json"])["manifests"][0]
    manifest = json.loads(blobs[_path(entry["digest"])])
    assert entry["annotations"]["io.containerd.image.name"] == oci.pause_name(binary)
    for named in (entry, manifest["config"], *manifest["layers"]):
        blob = blobs[_path(named["digest"])]
        assert (oci.digest(blob), len(blob)) == (named["digest"], named["size"])


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return (archive.extractfile(member) or io.BytesIO()).read()


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
