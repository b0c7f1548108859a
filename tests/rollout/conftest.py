"""A real engine with a small program, for the tests of the release command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.rollout import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.rollout.world import World


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The gateway of all stacks of this session, and the folder in which it looks for the one in use."""
    root = tmp_path_factory.mktemp("gateway")
    with world.gateway(root) as address:
        yield address, root


@pytest.fixture(scope="session")
def at_rest(gateway: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two services at rest; tests take copies."""
    address, _ = gateway
    return world.make(tmp_path_factory.mktemp("stack") / "project", f"{address}/test", ("own", "other"))


@pytest.fixture(scope="session")
def use(gateway: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[World], World]:
    """Take a copy of a stack, which the gateway then serves."""
    _, root = gateway

    def copy(of: World) -> World:
        made = of.copy(tmp_path_factory.mktemp("stack") / "project")
        (root / "current").write_text(json.dumps(str(made.project)))
        return made

    return copy


@pytest.fixture
def fresh(at_rest: World, use: Callable[[World], World]) -> World:
    """Two services at rest."""
    return use(at_rest)
