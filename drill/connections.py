"""The least of an HTTP client that a load generator needs.

Not httpx: its pool looks through all connections for each request, which cost 5 ms of a core where some hundred
requests were under way; these 60 lines cost a tenth of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

_HEAD_END = b"\r\n\r\n"
# One that was not used for so long may be closed by the gateway in the very moment in which it is taken.
_KEEP_SECONDS = 30.0


class ProtocolError(Exception):
    """An answer that is none."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer; the names of its headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    freed_at: float


class Client:
    """Posts JSON to one address, over connections that are kept while they are fresh."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[_Connection] = []

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> Response:
        """Send one request, and never again: a lost connection is an error that a user would see.

        Raises:
            OSError: no connection, or it was lost.
            ProtocolError: the answer ends early, or is no HTTP.
        """
        reader, writer = await self._connection()
        kept = False
        try:
            writer.write(_request(self._host, path, body, headers))
            response = await _response(reader)
            kept = response.headers.get("connection", "").lower() != "close"
        except asyncio.IncompleteReadError:
            raise ProtocolError("the connection was closed before the answer was whole") from None
        finally:
            # A request that was given up leaves its answer in the connection.
            if kept:
                now = asyncio.get_running_loop().time()
                self._idle.append(_Connection(reader=reader, writer=writer, freed_at=now))
            else:
                writer.close()
        return response

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().writer.close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        now = asyncio.get_running_loop().time()
        # The one that was freed last: where fewer are needed, the others grow old.
        while self._idle:
            known = self._idle.pop()
            if now - known.freed_at < _KEEP_SECONDS and not known.reader.at_eof():
                return known.reader, known.writer
            known.writer.close()
        return await asyncio.open_connection(self._host, self._port)


def _request(host: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + _HEAD_END + body


async def _response(reader: asyncio.StreamReader) -> Response:
    head = await reader.readuntil(_HEAD_END)
    status_line, *lines = head.decode("latin-1").split("\r\n")
    try:
        status = int(status_line.split(" ", 2)[1])
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers["content-length"])
    except (ValueError, LookupError):
        raise ProtocolError(f"an answer that is not understood: {status_line[:80]!r}") from None
    return Response(status=status, headers=headers, body=await reader.readexactly(length))
