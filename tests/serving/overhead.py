"""``python -m tests.serving.overhead --model DIR``: what metrics and traces cost the service itself, in CPU time.

CPU time, and not requests in a second: neighbours on the machine spoil the latter, and a busy pod is short of the
former. The collector is a process of its own and is not counted. Each round asks all variants in turn; the ratio is the
median of the rounds' ratios.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.app import create_app
from serving.settings import Settings
from tests.serving.scraping import PROMETHEUS
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from fastapi import FastAPI

_CLIENTS = 8
_TEXT = "a good warm film that I would like to see once more with friends"
_COLLECTOR = """
import sys
from tests.serving.otlp import collecting
with collecting() as collector:
    print(collector.url, flush=True)
    sys.stdin.read()
"""
_SCRAPE_SECONDS = 1.0


async def _ask(app: FastAPI, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> None:
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:  # noqa: ANN401
        statuses.append(message.get("status", 0))

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "state": {},
    }
    await app(scope, receive, send)
    if statuses[0] != 200:
        raise click.ClickException(f"{path} answered {statuses[0]}")


async def _load(app: FastAPI, requests: int, *, sampling: int, scrape: bool) -> None:
    """Ask for predictions, as a gateway does that traces so many per cent."""
    numbers = iter(range(1, requests + 1))
    body = json.dumps({"inputs": [_TEXT]}).encode()

    async def client(numbers: Iterator[int]) -> None:
        for number in numbers:
            recorded = number * sampling // 100 > (number - 1) * sampling // 100
            parent = f"00-{number:032x}-b7ad6b7169203331-0{int(recorded)}"
            headers = {"content-type": "application/json", "content-length": str(len(body)), "traceparent": parent}
            await _ask(app, "POST", "/v1/predict", headers, body)

    async def scraper() -> None:
        while True:
            await _ask(app, "GET", "/metrics", {"accept": PROMETHEUS})
            await asyncio.sleep(_SCRAPE_SECONDS)

    scraping = asyncio.create_task(scraper()) if scrape else None
    await asyncio.gather(*(client(numbers) for _ in range(_CLIENTS)))
    if scraping:
        scraping.cancel()


@contextmanager
def _collector() -> Generator[str]:
    command = [sys.executable, "-c", _COLLECTOR]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdin is None:
            raise AssertionError
        yield process.stdout.readline().strip()
        process.stdin.close()


def _app(model: Path, **settings: Any) -> FastAPI:  # noqa: ANN401
    app = create_app(Settings.model_validate({"model_dir": model, "threads": 1} | settings))
    app.state.parts.runtime.start()
    eventually(lambda: app.state.parts.runtime.phase != "loading")
    return app


@click.command()
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--requests", default=200, show_default=True, help="In each round, for each variant.")
@click.option("--rounds", default=15, show_default=True)
def main(model: Path, requests: int, rounds: int) -> None:
    """Print the CPU time of a request with and without metrics being read and traces being made."""
    with _collector() as url:
        plain = _app(model)
        traced = _app(model, otlp_endpoint=url, trace_sampling=0)
        variants: dict[str, tuple[FastAPI, int, bool]] = {
            "neither scraped nor traced": (plain, 0, False),
            "scraped each second": (plain, 0, True),
            "scraped, 5 % traced": (traced, 5, True),
            "scraped, 100 % traced": (traced, 100, True),
        }
        gc.freeze()  # as the server does
        found: dict[str, list[float]] = {name: [] for name in variants}
        for number in range(rounds + 1):
            for name, (app, sampling, scrape) in variants.items():
                before = time.process_time()
                asyncio.run(_load(app, requests, sampling=sampling, scrape=scrape))
                if number:  # the first is to warm up
                    found[name].append((time.process_time() - before) / requests)
        base, *_ = found.values()
        for name, seconds in found.items():
            ratio = statistics.median(mine / first for mine, first in zip(seconds, base, strict=True))
            # Standard output has the logs of the service.
            click.echo(f"{name:28} {statistics.median(seconds) * 1e6:8.0f} us  x {ratio:.3f}", err=True)
        for app in (plain, traced):
            app.state.parts.runtime.stop()


if __name__ == "__main__":
    main()
