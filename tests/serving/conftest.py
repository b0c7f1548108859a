"""Fixtures: the tiny model, an application in process, a server in a process of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.settings import Settings
from tests.serving.tiny import write_model
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a model that answers at once. Not to be changed."""
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a model that takes about a quarter of a second for each text. Not to be changed."""
    return write_model(tmp_path_factory.mktemp("model") / "slow", delay_loops=20)


@contextmanager
def running(settings: Settings) -> Generator[TestClient]:
    """Run an application in process until its model is loaded or has failed to."""
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        eventually(lambda: app.state.parts.runtime.phase != "loading")
        yield client


@pytest.fixture
def run_app() -> Callable[..., AbstractContextManager[TestClient]]:
    """Give a function that runs an application with the given settings."""

    def run(**settings: Any) -> AbstractContextManager[TestClient]:  # noqa: ANN401 - values of any setting
        return running(Settings.model_validate({"threads": 1} | settings))

    return run


@pytest.fixture(scope="module")
def client(tiny_model: Path) -> Generator[TestClient]:
    """Run the tiny model with the default limits, for tests that change nothing."""
    with running(Settings(model_dir=tiny_model, threads=1)) as client:
        yield client
