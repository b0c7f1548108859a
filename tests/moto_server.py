"""moto in a process of its own, on a free port of the loopback address."""

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

READY = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
START_SECONDS = 60


@contextlib.contextmanager
def serve(account: str, log: Path) -> Generator[str]:
    """Run moto for one account.

    Args:
        account: the id of the account that it stands for.
        log: where its output goes.

    Yields:
        Its URL.

    Raises:
        RuntimeError: it did not start.
    """
    environment = os.environ | {"MOTO_ACCOUNT_ID": account, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield _url(process, log)
    finally:
        process.terminate()
        process.wait()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if match := READY.search(log.read_text(encoding="utf-8")):
            return match[1]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
    raise RuntimeError(f"moto did not start: {log.read_text(encoding='utf-8')[-2000:]}")
