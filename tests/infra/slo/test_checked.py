from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra import slo
from infra.slo import checking
from tests.infra.slo.objectives import ODD, ROOT, STACKS, read, with_objective
from tests.infra.slo.test_alertmanager import monitored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.settings import Settings

pytestmark = pytest.mark.tools


def _check(stack: Settings, folder: Path) -> Iterator[str]:
    """What promtool and amtool find wrong in a stack."""
    for name, text in slo.render(stack).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for result in checking.check(folder, checking.find(ROOT)):
        if not result.fine:
            yield f"{result.name}: {result.output}"


@pytest.mark.parametrize("name", [name for name in STACKS if name != "local"])  # of local: test_command
def test_prometheus_and_alertmanager_take_what_a_stack_gives(name: str, tmp_path: Path) -> None:
    """Promtool takes the rules and passes their tests; amtool takes the routes, each alert arriving where it must."""
    assert not list(_check(read(name), tmp_path))


@pytest.mark.parametrize("name", ODD)
def test_rules_of_odd_objectives_pass_their_tests(name: str, tmp_path: Path) -> None:
    """Also at the edges of what settings allow alerts fire, stay quiet and end as they must."""
    assert not list(_check(with_objective(ODD[name]), tmp_path))


def test_alertmanager_takes_receivers_of_every_kind(tmp_path: Path) -> None:
    """Slack and webhooks, with URLs in files and without."""
    path = tmp_path / "alertmanager"
    path.mkdir()
    for name, text in slo.alertmanager_files(monitored(dead_mans_switch="open")).items():
        (path / name).write_text(text, encoding="utf-8")
    assert all(result.fine for result in checking.check(tmp_path, checking.find(ROOT)))
