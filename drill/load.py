"""``python -m drill.load``: an open-loop load generator for one service, on this machine only.

Pods and gateway run on the same few cores, so it has to be cheap: one process, one event loop, kept connections.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import click

from client.buckets import BUCKET_HEADER
from drill.answers import Answer
from drill.connections import Client, ProtocolError
from drill.traffic import Traffic, plan
from infra import routing
from model_build import manifest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from drill.traffic import Planned

SLOT_HEADER, VERSION_HEADER = routing.SLOT_HEADER.lower(), routing.VERSION_HEADER.lower()
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What a patient user waits; more than the service itself allows a request.
TIMEOUT_SECONDS = 12.0
_FLUSH_SECONDS = 0.5


class Generator:
    """Sends requests when they are due, whatever became of those before."""

    def __init__(self, client: Client, path: str, out: TextIO) -> None:
        self._client = client
        self._path = path
        self._out = out
        self._under_way: set[asyncio.Task[None]] = set()
        self.stopped = asyncio.Event()
        self.latest = 0.0

    async def run(self, planned: Iterable[Planned]) -> None:
        """Send all requests, or those until :attr:`stopped`, and wait for their ends."""
        flushing = asyncio.create_task(self._flush())
        begun, begun_at = time.monotonic(), time.time()
        for each in planned:
            late = time.monotonic() - begun - each.at
            if late < 0:
                await self._sleep(-late)
            if self.stopped.is_set():
                break
            self.latest = max(self.latest, late)
            task = asyncio.create_task(self._send(each, begun=begun, begun_at=begun_at))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        await asyncio.gather(*self._under_way)
        flushing.cancel()
        self._out.flush()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopped.wait(), seconds)
        except TimeoutError:
            return

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self._out.flush()

    async def _send(self, planned: Planned, *, begun: float, begun_at: float) -> None:
        headers = {} if planned.bucket is None else {BUCKET_HEADER: f"{planned.bucket:03d}"}
        body = json.dumps({"inputs": [planned.text]}).encode()
        status, slot, version, error = 0, None, None, None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self._client.post(self._path, body, headers)
            status = response.status
            slot, version = response.headers.get(SLOT_HEADER), response.headers.get(VERSION_HEADER)
            error = None if status == HTTPStatus.OK else response.body[:200].decode(errors="replace")
        except TimeoutError:
            error = f"no answer within {TIMEOUT_SECONDS:g} s"
        except (OSError, ProtocolError) as problem:
            error = f"{type(problem).__name__}: {problem}"
        ended = Answer(
            at=round(begun_at + planned.at, 4),
            seconds=round(time.monotonic() - begun - planned.at, 5),
            status=status,
            slot=slot,
            version=version,
            bucket=planned.bucket,
            error=error,
        )
        self._out.write(f"{ended.line()}\n")


async def generate(endpoint: str, traffic: Traffic, sentences: list[str], out: TextIO) -> float:
    """Ask a service, until all is asked or the process is told to end.

    Args:
        endpoint: of the service.
        traffic: what to ask, and when.
        sentences: what texts are made of.
        out: gets a line for each request, as it ends.

    Returns:
        By how many seconds the latest request was sent too late.
    """
    address = urlsplit(endpoint)
    client = Client(address.hostname or "", address.port or 80)
    generator = Generator(client, f"{address.path}/v1/predict", out)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, generator.stopped.set)
    await generator.run(plan(traffic, sentences))
    client.close()
    return generator.latest


def known_sentences(service: str, *, root: Path) -> list[str]:
    """The golden texts of all versions of a service."""
    receipts = [entry.read() for entry in manifest.list_entries(root=root) if entry.service == service]
    return sorted({example.text for receipt in receipts for example in receipt.golden.examples})


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--endpoint", required=True, help="Address of the service, for example http://127.0.0.1:30080/sentiment.")
@click.option("--service", default="sentiment", show_default=True, help="Whose golden texts are asked.")
@click.option("--rate", type=click.FloatRange(0.1, 1000), default=50.0, show_default=True, help="Requests a second.")
@click.option("--seconds", type=click.FloatRange(1, 7200), default=600.0, show_default=True, help="For how long.")
@click.option("--arrivals", type=click.Choice(["poisson", "constant"]), default="poisson", show_default=True)
@click.option("--users", type=click.IntRange(1), default=2000, show_default=True, help="How many users ask.")
@click.option("--strangers", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Share without a user.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed asks the same.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A line for each request.")
def main(  # noqa: PLR0913, PLR0917  # one for each option
    endpoint: str,
    service: str,
    rate: float,
    seconds: float,
    arrivals: Literal["poisson", "constant"],
    users: int,
    strangers: float,
    seed: int,
    out: Path,
) -> None:
    """Ask a service on this machine at a fixed rate, and write what became of each request.

    Requests are sent when they are due, and never wait for answers. SIGINT and SIGTERM end it in order.
    """
    if urlsplit(endpoint).hostname not in _LOOPBACK:
        raise click.UsageError(f"--endpoint {endpoint}: only this machine is asked: {', '.join(_LOOPBACK)}")
    sentences = known_sentences(service, root=Path(__file__).parent.parent)
    if not sentences:
        raise click.UsageError(f"--service {service}: no version of it has a receipt")
    traffic = Traffic(rate=rate, seconds=seconds, arrivals=arrivals, users=users, strangers=strangers, seed=seed)
    with out.open("w", encoding="utf-8") as file:
        latest = asyncio.run(generate(endpoint, traffic, sentences, file))
    sys.stderr.write(f"the latest request was sent {latest:.3f} s after it was due\n")


if __name__ == "__main__":
    main()
