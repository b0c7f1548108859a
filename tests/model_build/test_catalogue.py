"""Receipts and where they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_build import manifest
from tests.model_build.receipts import make_receipt, write_receipt

ROOT = Path(__file__).parents[2]


def test_a_receipt_survives_its_file(tmp_path: Path) -> None:
    """What is written is what is read."""
    receipt = make_receipt()
    assert manifest.read_receipt(write_receipt(tmp_path, receipt)) == receipt


def test_a_version_is_found_in_both_directories(tmp_path: Path) -> None:
    """Committed receipts and those of local builds are read; the committed one of a version wins."""
    write_receipt(tmp_path / manifest.LOCAL_RECEIPTS, make_receipt(version="0.1.0"))
    write_receipt(tmp_path / manifest.LOCAL_RECEIPTS, make_receipt(version="0.2.0"))
    write_receipt(tmp_path / manifest.CATALOGUE, make_receipt(version="0.1.0"))
    origins = {
        version: manifest.find_entry("sentiment", version, root=tmp_path).origin for version in ("0.1.0", "0.2.0")
    }
    assert origins == {"0.1.0": manifest.Origin.COMMITTED, "0.2.0": manifest.Origin.LOCAL}
    assert manifest.find_receipt("sentiment", "0.2.0", root=tmp_path).version == "0.2.0"


def test_an_unknown_version_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    """The error names the versions that there are, where they come from, and how to build one."""
    write_receipt(tmp_path / manifest.LOCAL_RECEIPTS, make_receipt())
    with pytest.raises(manifest.CatalogueError) as caught:
        manifest.find_receipt("sentiment", "9.9.9", root=tmp_path)
    message = str(caught.value)
    assert message.startswith(
        "version 9.9.9 of sentiment is not in the catalogue; known: 0.1.0 (local build); build it"
    )
    assert "python -m model_build build --service sentiment --version 9.9.9" in message


def test_an_unknown_service_has_no_versions(tmp_path: Path) -> None:
    """Versions of other services are not offered."""
    write_receipt(tmp_path / manifest.CATALOGUE, make_receipt(service="toxicity"))
    with pytest.raises(manifest.CatalogueError, match="known: none"):
        manifest.find_receipt("sentiment", "0.1.0", root=tmp_path)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("{}", "schema_version|service: Field required"),
        ("not JSON", "file: Invalid JSON"),
        (make_receipt().model_dump_json().replace('"0.1.0"', '"0.2.0"'), r"describes sentiment 0\.2\.0"),
        (make_receipt().model_dump_json().replace('"accuracy":0.9', '"accuracy":90'), r"quality\.accuracy: .*1"),
    ],
)
def test_a_receipt_that_is_none_is_refused(tmp_path: Path, contents: str, message: str) -> None:
    """A file of another form, with a figure that cannot be, or of another version than its name says, is refused."""
    path = write_receipt(tmp_path / manifest.CATALOGUE, make_receipt())
    path.write_text(contents, encoding="utf-8")
    with pytest.raises(manifest.CatalogueError, match=message) as caught:
        manifest.find_receipt("sentiment", "0.1.0", root=tmp_path)
    assert str(path) in str(caught.value)


def test_versions_are_listed_in_order(tmp_path: Path) -> None:
    """Numbers count as numbers, and a pre-release comes before its release."""
    for version in ("0.10.0", "0.9.0", "1.0.0", "1.0.0-rc.1"):
        write_receipt(tmp_path / manifest.CATALOGUE, make_receipt(version=version))
    listed = [entry.version for entry in manifest.list_entries(root=tmp_path)]
    assert listed == ["0.9.0", "0.10.0", "1.0.0-rc.1", "1.0.0"]


def test_committed_receipts_can_be_read() -> None:
    """Every receipt in the catalogue is one."""
    for path in (ROOT / manifest.CATALOGUE).glob("*/*.json"):
        manifest.read_receipt(path)
