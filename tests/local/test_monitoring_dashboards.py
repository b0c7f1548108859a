"""The dashboards of the local stack, asked of its own Prometheus while its service is used."""

from __future__ import annotations

import threading
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from infra import settings
from infra.dashboards import dashboards
from infra.dashboards.series import plain
from local.monitored import Monitored
from local.paths import Paths
from local.stack import LocalStack
from tests.local.conftest import CHECKOUT
from tests.local.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local.conftest import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

# Rules of days are evaluated every two minutes, and rates need a minute of scrapes.
_SECONDS: Final = 300
_A_SECOND: Final = 5
# What has no series while all is well, on a machine without real GPUs.
_MAY_BE_EMPTY: Final = {"Alerts over time", "Errors by type", "Time lost in waiting", "Nodes under pressure"}


@pytest.fixture(scope="module")
def prometheus(cluster: RunningCluster) -> Iterator[Monitored]:
    """The Prometheus of the stack, which is applied; its service gets some requests each second."""
    stack = LocalStack(Paths.of_this_checkout())
    assert stack.update("up", ["--skip-preview", "--suppress-outputs"]) == 0
    url = f"{stack.outputs()['endpoints']['sentiment']}/v1/predict"
    ended = threading.Event()

    def use() -> None:
        with httpx.Client(timeout=15) as client:
            while not ended.wait(1 / _A_SECOND):
                client.post(url, json={"inputs": ["a wonderful film", "dull"]})

    user = threading.Thread(target=use)
    user.start()
    yield Monitored(cluster.api)
    ended.set()
    user.join()


def test_every_query_is_accepted_and_finds_what_there_is(prometheus: Monitored) -> None:
    """Prometheus takes every query; each panel that should have series while the service is used has some."""
    waited_for = dict(_panels())

    def all_found() -> bool:
        for name, queries in list(waited_for.items()):
            if any(list(map(prometheus.query, queries))):
                del waited_for[name]
        return all(_may_be_empty(name) for name in waited_for)

    wait_for(f"series of {waited_for.keys()}", all_found, seconds=_SECONDS)
    assert all(_may_be_empty(name) for name in waited_for)


def _panels() -> Iterator[tuple[tuple[str, str], list[str]]]:
    """The queries of each panel, by the dashboard and the title."""
    boards = dashboards(settings.read("local", CHECKOUT))
    for file, panel in chain.from_iterable(_shown(file, board) for file, board in boards.items()):
        yield (file, panel["title"]), [plain(target["expr"]) for target in panel["targets"]]


def _shown(file: str, board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((file, panel) for panel in board["panels"] if panel["type"] != "row")


def _may_be_empty(name: tuple[str, str]) -> bool:
    title = name[1]
    return title in _MAY_BE_EMPTY or title.startswith("GPU ") or title.endswith(", candidate")
