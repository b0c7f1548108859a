from __future__ import annotations

import asyncio
import io
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from click.testing import CliRunner

from drill.answers import parse
from drill.connections import Client
from drill.load import Generator, main
from drill.traffic import Planned

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BODY = b'{"predictions":[]}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nX-Inferstack-Slot: stable\r\nx-inferstack-version: 0.1.0\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY)
)


@asynccontextmanager
async def _server(handler: Handler) -> AsyncGenerator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return head, await reader.readexactly(length)


def _run(handler: Handler, *planned: Planned) -> list[str]:
    async def run() -> str:
        out = io.StringIO()
        async with _server(handler) as port:
            client = Client("127.0.0.1", port)
            await Generator(client, "/v1/predict", out).run(planned)
            client.close()
        return out.getvalue()

    return asyncio.run(run()).splitlines()


def _planned(*times: float, bucket: int | None = None) -> list[Planned]:
    return [Planned(at=at, bucket=bucket, text="a film") for at in times]


def test_an_answer_is_counted_with_slot_and_version() -> None:
    """The user's bucket goes as three digits, the text as the service takes it."""
    seen: list[tuple[str, bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await _request(reader))
        writer.write(ANSWER)

    [line] = _run(answer, *_planned(0.0, bucket=7))
    found = parse(line)
    assert (found.status, found.slot, found.version, found.bucket) == (200, "stable", "0.1.0", 7)
    assert not found.failed
    head, body = seen[0]
    assert "x-user-bucket: 007\r\n" in head
    assert json.loads(body) == {"inputs": ["a film"]}


def test_a_connection_that_ends_is_a_failure() -> None:
    """Nothing is asked again: a user would see it too."""
    asked = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await _request(reader)
        writer.close()

    [line] = _run(hang_up, *_planned(0.0))
    found = parse(line)
    assert found.failed
    assert (found.status, found.version) == (0, None)
    assert asked == 1


def test_requests_do_not_wait_for_answers() -> None:
    """All are sent before the first is answered, and the time of a late answer counts from when it was due."""
    waiting: list[asyncio.StreamWriter] = []

    async def answer_the_third(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        waiting.append(writer)
        if len(waiting) == 3:
            for each in waiting:
                each.write(ANSWER)

    begun = time.monotonic()
    answers = [parse(line) for line in _run(answer_the_third, *_planned(0.0, 0.05, 0.1))]
    assert [each.status for each in answers] == [200] * 3
    assert 0.1 <= max(each.seconds for each in answers) <= time.monotonic() - begun


def test_only_this_machine_is_asked() -> None:
    """A load generator that can be pointed anywhere is a weapon."""
    answer = CliRunner().invoke(main, ["--endpoint", "http://192.0.2.1/sentiment", "--out", "answers.jsonl"])
    assert answer.exit_code == 2
    assert "only this machine" in answer.output
