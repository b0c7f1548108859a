"""Waiting for conditions, never for time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.1


def wait_for(what: str, condition: Callable[[], T | None], *, seconds: float) -> T:
    """Return the condition's first true value.

    Raises:
        AssertionError: it had none within the seconds; names `what` was waited for and its last value.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s; last: {value!r}"
        time.sleep(POLL_SECONDS)
    return value
