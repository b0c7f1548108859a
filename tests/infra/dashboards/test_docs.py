from __future__ import annotations

from tests.infra.dashboards.boards import ROOT, boards, panels

_PICTURES = ROOT / "docs" / "pictures" / "dashboards"


def test_the_document_says_what_each_panel_answers() -> None:
    """A reader finds every panel of the local stack's dashboards by its title; a slot's stands there once for both."""
    text = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    titles = {panel["title"].partition(",")[0] for board in boards("local").values() for panel in panels(board)}
    assert {title for title in titles if f"*{title}*" not in text} == set()


def test_each_dashboard_has_a_picture_that_shows_all_of_it() -> None:
    """Pictures are of the dashboards as they are: each title is in one, and none is larger than 150 KB."""
    for name, board in boards("local").items():
        file = _PICTURES / name.replace(".json", ".svg")
        text = file.read_text(encoding="utf-8")
        titles = {panel["title"].partition(",")[0] for panel in panels(board)}
        assert {title for title in titles if f">{title}" not in text} == set(), name
        assert file.stat().st_size < 150_000, name
