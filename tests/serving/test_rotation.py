"""The password of the database changes while the service runs, against a real PostgreSQL."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.serving import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient

    from tests.serving.postgres import Server

pytestmark = pytest.mark.tools

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'inferstack'"


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    """A server with the role and the database that RDS would have made."""
    with postgres.served() as server:
        server.administer(
            "CREATE ROLE inferstack LOGIN PASSWORD 'password-one'", "CREATE DATABASE feedback OWNER inferstack"
        )
        yield server


class Mount:
    """A folder of secrets as the CSI driver mounts it: all files change at once, by one link."""

    def __init__(self, folder: Path) -> None:
        """Make an empty one."""
        self.path = folder
        self._versions = 0
        for name in ("username", "password"):
            (folder / name).symlink_to(f"..data/{name}")

    def put(self, password: str) -> None:
        """Let the files hold another password from now on."""
        self._versions += 1
        version = self.path / f"..version-{self._versions}"
        version.mkdir()
        (version / "username").write_text("inferstack", encoding="utf-8")
        (version / "password").write_text(password, encoding="utf-8")
        link = self.path / "..next"
        link.symlink_to(version.name)
        os.replace(link, self.path / "..data")  # noqa: PTH105  # replaces a link to a folder, in one step


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    """The mounted secret."""
    folder = tmp_path / "secret"
    folder.mkdir()
    made = Mount(folder)
    made.put("password-one")
    return made


def _rate(client: TestClient, rating: int) -> int:
    return client.post("/v1/feedback", json={"query_id": "0" * 32, "rating": rating}).status_code


def test_a_rotated_password_is_read_again_without_a_restart(
    server: Server,
    mount: Mount,
    run_app: Callable[..., AbstractContextManager[TestClient]],
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Open connections outlive a rotation; new ones use the files as they are by then; no password is in the log."""
    url = f"postgresql+psycopg://127.0.0.1:{server.port}/feedback?sslmode=disable"
    with run_app(model_dir=tiny_model, database_url=url, database_credentials_dir=mount.path) as client:
        assert _rate(client, 1) == 201

        server.administer("ALTER ROLE inferstack PASSWORD 'password-two'")
        assert _rate(client, 2) == 201, "an open connection goes on"

        server.administer(CUT)
        assert _rate(client, 3) == 503, "the new password is not mounted yet"
        assert client.get("/readyz").status_code == 200

        mount.put("password-two")
        assert _rate(client, 4) == 201, "the same process, with the new password"

        # Once more, and as by a failover in the middle: the dead connection is noticed before it is used.
        mount.put("password-three")
        server.administer("ALTER ROLE inferstack PASSWORD 'password-three'", CUT)
        assert _rate(client, 5) == 201

    with psycopg.connect(host=str(server.folder), port=server.port, user="inferstack", dbname="feedback") as connection:
        assert connection.execute("SELECT rating FROM feedback ORDER BY id").fetchall() == [(1,), (2,), (4,), (5,)]
    output = capsys.readouterr()
    assert "password-" not in output.out + output.err


def test_two_pods_make_the_table_once(
    server: Server, mount: Mount, run_app: Callable[..., AbstractContextManager[TestClient]], tiny_model: Path
) -> None:
    """A second pod finds the table that the first one made, also when both make it in the same moment."""
    server.administer("ALTER ROLE inferstack PASSWORD 'password-one'")
    with psycopg.connect(host=str(server.folder), port=server.port, user="inferstack", dbname="feedback") as connection:
        connection.execute("DROP TABLE IF EXISTS feedback")
    url = f"postgresql+psycopg://127.0.0.1:{server.port}/feedback?sslmode=disable"
    settings = {"model_dir": tiny_model, "database_url": url, "database_credentials_dir": mount.path}
    with run_app(**settings) as first, run_app(**settings) as second, ThreadPoolExecutor(8) as users:
        answers = [users.submit(_rate, pod, 1) for _ in range(4) for pod in (first, second)]
        assert {each.result() for each in answers} == {201}


def test_a_server_that_is_not_there_is_told_in_time(
    mount: Mount, run_app: Callable[..., AbstractContextManager[TestClient]], tiny_model: Path
) -> None:
    """Where nobody listens, feedback is 503 before the request's own time limit."""
    url = "postgresql+psycopg://127.0.0.1:9/feedback?sslmode=disable"
    with run_app(model_dir=tiny_model, database_url=url, database_credentials_dir=mount.path) as client:
        assert _rate(client, 1) == 503
