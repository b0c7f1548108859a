"""moto in a process of its own, for what runs in one."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_URL = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
_START_SECONDS = 60


@contextlib.contextmanager
def moto(log: Path) -> Generator[str]:
    """Moto as a server with the account of dev; yields its URL."""
    environment = os.environ | {"MOTO_ACCOUNT_ID": "111111111111"}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not (match := _URL.search(log.read_text(encoding="utf-8"))):
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
        yield match[1]
    finally:
        process.terminate()
        process.wait()
