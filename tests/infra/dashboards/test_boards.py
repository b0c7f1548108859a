from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from infra.dashboards.units import written
from tests.infra.dashboards.boards import STACKS, boards, panels

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    """Each stack that has a file."""
    return str(request.param)


def test_grafanas_own_model_reads_them_and_loses_nothing(stack: str) -> None:
    """What is written is what Grafana's model of a dashboard knows, key for key and value for value."""
    register_default_plugins()
    for name, board in boards(stack).items():
        again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
        assert again == board, name


def test_every_panel_says_what_it_shows_and_in_which_unit(stack: str) -> None:
    """A reader who did not build the dashboard understands each panel; a picture can write its unit."""
    for name, panel in _all_panels(stack):
        assert panel["title"], name
        assert len(panel["description"]) > 20, (name, panel["title"])
        assert panel["description"].endswith("."), (name, panel["title"])
        assert written(1.5, panel["fieldConfig"]["defaults"]["unit"]), (name, panel["title"])
        assert all(target["legendFormat"] for target in panel["targets"]), (name, panel["title"])


def test_panels_lie_within_the_grid_and_none_upon_another(stack: str) -> None:
    """Grafana's grid has 24 columns; each panel has a place and a number of its own."""
    for name, board in boards(stack).items():
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places), name
        for one, other in combinations(places, 2):
            assert not _overlap(one, other), (name, one, other)
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(set(numbers)) == len(numbers), name


def test_titles_tell_the_panels_of_a_dashboard_apart(stack: str) -> None:
    """No two panels of a dashboard have one title, so that a sentence can name one."""
    for name, board in boards(stack).items():
        titles = [panel["title"] for panel in panels(board)]
        assert len(set(titles)) == len(titles), name


def test_dashboards_are_found_again(stack: str) -> None:
    """The uid is the file's name, is one that Grafana takes, and the same each time: links and bookmarks stay."""
    for name, board in boards(stack).items():
        assert name == f"{board['uid']}.json"
        assert 1 <= len(board["uid"]) <= 40


def test_a_dashboard_fits_into_a_config_map(stack: str) -> None:
    """Kubernetes takes 1 MiB in one object; a service's dashboard is far from it."""
    for name, board in boards(stack).items():
        assert len(json.dumps(board)) < 128 * 1024, name


def _all_panels(stack: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, panel) for name, board in boards(stack).items() for panel in panels(board))


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )
