"""Links between the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
# [text](target) and ![text](target); a target elsewhere has a scheme.
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")
_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


def _anchors(document: Path) -> set[str]:
    """What a link into a document may end in: its headings, as GitHub writes them."""
    text = _BLOCK.sub("", document.read_text(encoding="utf-8"))
    titles = (match["title"].lower() for match in _HEADING.finditer(text))
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in titles}


def _broken(document: Path) -> list[str]:
    text = _CODE.sub("", _BLOCK.sub("", document.read_text(encoding="utf-8")))
    targets = [match["target"] for match in _LINK.finditer(text)]
    return [target for target in targets if not _ELSEWHERE.match(target) and not _resolves(document, target)]


def _resolves(document: Path, target: str) -> bool:
    place, _, anchor = target.partition("#")
    path = (document.parent / place).resolve() if place else document
    if not path.exists():
        return False
    return not anchor or path.suffix != ".md" or anchor in _anchors(path)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Every file and heading that a document links to is there."""
    assert not _broken(document)


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    """A file, a heading; not what stands in code."""
    document = tmp_path / "guide.md"
    document.write_text("# A b\n[1](none.md) [2](#a-b) [3](#none) [4](guide.md#a-b) `[5](x)`\n", encoding="utf-8")
    assert _broken(document) == ["none.md", "#none"]
