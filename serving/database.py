"""The database of feedback: SQLite, or PostgreSQL whose password may change while the service runs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc, schema

if TYPE_CHECKING:
    from pathlib import Path

    from serving.settings import Settings

# Seconds. A database that does not answer must not hold requests until their own time limit.
_CONNECT_SECONDS = 3
_STATEMENT_MILLISECONDS = 3000
_POOL_SECONDS = 2.0
# Any number that nobody else locks in this database.
_MAKING_THE_TABLE = 1
# Threads of its own: a database that hangs must not take those that answer others.
_THREADS = 4

feedback = sa.Table(
    "feedback",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("service", sa.Text(), nullable=False),
    sa.Column("query_id", sa.String(32), nullable=False, index=True),
    sa.Column("rating", sa.SmallInteger(), nullable=False),
    sa.Column("comment", sa.Text(), nullable=True),
)


class DatabaseError(Exception):
    """The database cannot be used now; the message is for the log and quotes no value."""


class UnknownEndError(Exception):
    """The database was lost while it was told to keep a row: it may have done so. The message is for the log."""


class Database:
    """Where feedback goes. It connects at the first use: the service is ready without it."""

    def __init__(self, url: str, credentials: Path | None) -> None:
        """Prepare to connect.

        Args:
            url: SQLAlchemy's name of the database, without user and password.
            credentials: folder with the files ``username`` and ``password``; None where none are needed.
        """
        self._engine = _engine(url)
        self._prepared = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="feedback")
        if credentials is not None:
            event.listen(self._engine, "do_connect", _reader(credentials))

    @classmethod
    def from_settings(cls, settings: Settings) -> Database | None:
        """The database that the settings name; None if they name none."""
        if settings.database_url is None:
            return None
        return cls(settings.database_url, settings.database_credentials_dir)

    async def add(self, *, service: str, query_id: str, rating: int, comment: str | None) -> None:
        """Store one piece of feedback; who is cancelled while he waits for his turn has stored nothing.

        Raises:
            DatabaseError: the database is not there, refuses the credentials, or takes too long; nothing is stored.
            UnknownEndError: it may be stored.
        """
        row = {"service": service, "query_id": query_id, "rating": rating, "comment": comment}
        await asyncio.get_running_loop().run_in_executor(self._threads, self._add, row)

    def _add(self, row: dict[str, Any]) -> None:
        try:
            self._prepare()
            with self._engine.connect() as connection:
                connection.execute(sa.insert(feedback).values(received_at=datetime.now(UTC), **row))
                _keep(connection)
        except (exc.SQLAlchemyError, OSError) as error:
            # Not its text: that of a driver may quote what was sent.
            raise DatabaseError(_kind(error)) from None

    def close(self) -> None:
        """Give up what waits, and close all connections."""
        self._threads.shutdown(cancel_futures=True)
        self._engine.dispose()

    def _prepare(self) -> None:
        """Make the table where it is missing, once for each process."""
        if self._prepared:
            return
        commands = [
            schema.CreateTable(feedback, if_not_exists=True),
            *(schema.CreateIndex(index, if_not_exists=True) for index in feedback.indexes),
        ]
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Even "if not exists" fails there for two pods in the same moment.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_THE_TABLE)))
            for command in commands:
                connection.execute(command)
        self._prepared = True


def _keep(connection: sa.Connection) -> None:
    """Commit by itself: a connection that is lost meanwhile leaves open whether it was done."""
    try:
        connection.commit()
    except exc.SQLAlchemyError as error:
        raise UnknownEndError(_kind(error)) from None


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return sa.create_engine(parsed, hide_parameters=True)
    return sa.create_engine(
        parsed,
        hide_parameters=True,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "options": f"-c statement_timeout={_STATEMENT_MILLISECONDS}",
        },
        pool_size=1,
        max_overflow=_THREADS - 1,
        pool_timeout=_POOL_SECONDS,
        # A standby takes over: what was open is dead, and is noticed before it is used.
        pool_pre_ping=True,
    )


def _reader(folder: Path) -> Any:  # noqa: ANN401  # SQLAlchemy's events have no types
    """What reads user and password before each new connection, so that a rotation needs no restart.

    Open connections outlive a rotation. The files are swapped by whoever mounts them; between the rotation and that
    moment a new connection is refused, and the next one is tried with what is there by then.
    """

    def read(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        parameters["user"] = (folder / "username").read_text(encoding="utf-8").strip()
        parameters["password"] = (folder / "password").read_text(encoding="utf-8").strip()

    return read


def _kind(error: Exception) -> str:
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None)
    name = type(original or error).__name__
    return f"{name} ({state})" if state else name
