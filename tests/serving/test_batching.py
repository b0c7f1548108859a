"""The queue and its thread: grouping, order, failures, overload, the end."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching import Batcher, BatchLimits, Tokens, plan
from serving.errors import ErrorType, ServingError
from serving.metrics import Metrics
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

LIMITS = BatchLimits(max_batch=4, max_batch_tokens=40, max_queue=8, wait_seconds=0.0)


def echo(batch: Sequence[Tokens]) -> NDArray[np.float32]:
    """Answer each text with its first token."""
    return np.array([[tokens[0]] for tokens in batch], dtype=np.float32)


class Gate:
    """A graph that waits until it is opened, and keeps what it was given."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[list[Tokens]] = []

    def __call__(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Run one batch."""
        self.batches.append(list(batch))
        assert self.open.wait(20)
        return echo(batch)


def batcher(classify: Callable[[Sequence[Tokens]], NDArray[np.float32]], limits: BatchLimits = LIMITS) -> Batcher:
    """Start a queue and its thread."""
    return Batcher(classify, limits=limits, observers=[Metrics()])


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 8), st.integers(1, 100))
def test_plan_keeps_every_text_and_every_bound(lengths: list[int], max_batch: int, max_batch_tokens: int) -> None:
    """Each text is in exactly one group, no group exceeds a bound, and groups hold neighbours in length."""
    groups = plan(lengths, max_batch=max_batch, max_batch_tokens=max_batch_tokens)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        longest = max(lengths[index] for index in group)
        assert len(group) == 1 or (len(group) <= max_batch and len(group) * longest <= max_batch_tokens)
    assert [lengths[index] for group in groups for index in group] == sorted(lengths)


@given(st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=10), min_size=1, max_size=5))
def test_answers_come_in_the_order_of_the_request(requests: list[list[int]]) -> None:
    """Grouping by length never mixes up whose answer is whose."""
    running = batcher(echo, BatchLimits(max_batch=4, max_batch_tokens=40, max_queue=1000, wait_seconds=0.0))
    futures = [running.submit([[length] * length for length in request]) for request in requests]
    assert [[int(row[0]) for row in future.result(20).rows] for future in futures] == requests
    assert running.stop(20)


def test_texts_of_several_requests_share_a_run() -> None:
    """What arrives while the graph is busy is run together."""
    gate = Gate()
    running = batcher(gate)
    first = running.submit([[1]])
    eventually(lambda: gate.batches)
    rest = [running.submit([[number]]) for number in (2, 3, 4)]
    gate.open.set()
    assert [int(future.result(20).rows[0][0]) for future in [first, *rest]] == [1, 2, 3, 4]
    assert [len(batch) for batch in gate.batches] == [1, 3]


def test_a_failed_run_fails_its_requests_only() -> None:
    """The thread outlives any failure of the graph."""

    def fragile(batch: Sequence[Tokens]) -> NDArray[np.float32]:
        if batch[0] == [13]:
            raise RuntimeError("bad luck")
        return echo(batch)

    running = batcher(fragile)
    with pytest.raises(RuntimeError, match="bad luck"):
        running.submit([[13]]).result(20)
    assert int(running.submit([[7]]).result(20).rows[0][0]) == 7
    assert running.alive


def test_cancelled_requests_cost_nothing() -> None:
    """A request that gave up while it waited is not run."""
    gate = Gate()
    running = batcher(gate)
    running.submit([[1]])
    eventually(lambda: gate.batches)
    given_up = running.submit([[2]])
    kept = running.submit([[3]])
    given_up.cancel()
    gate.open.set()
    assert int(kept.result(20).rows[0][0]) == 3
    assert [2] not in [tokens for batch in gate.batches for tokens in batch]
    with pytest.raises(CancelledError):
        given_up.result(0)


def test_a_full_queue_sheds_load() -> None:
    """When the queue is full a request is refused at once, and taken again when there is room."""
    gate = Gate()
    running = batcher(gate)
    first = running.submit([[1]])
    eventually(lambda: gate.batches)
    waiting = running.submit([[2]] * LIMITS.max_queue)
    with pytest.raises(ServingError) as caught:
        running.submit([[3]])
    assert caught.value.kind is ErrorType.OVERLOADED
    gate.open.set()
    assert len(waiting.result(20).rows) == LIMITS.max_queue
    assert first.done()
    assert int(running.submit([[3]]).result(20).rows[0][0]) == 3


def test_stop_answers_what_was_accepted() -> None:
    """Stopping loses nothing that was accepted and takes nothing new."""
    gate = Gate()
    running = batcher(gate)
    futures = [running.submit([[number]]) for number in range(1, 9)]
    gate.open.set()
    assert running.stop(20)
    assert [int(future.result(0).rows[0][0]) for future in futures] == list(range(1, 9))
    with pytest.raises(ServingError, match="stopping"):
        running.submit([[1]])


def test_a_hanging_run_can_be_seen() -> None:
    """The time of the present run is visible from outside, for the liveness probe."""
    gate = Gate()
    running = batcher(gate)
    assert running.busy_seconds == 0
    future = running.submit([[1]])
    eventually(lambda: running.busy_seconds > 0.02)
    gate.open.set()
    future.result(20)
    eventually(lambda: running.busy_seconds == 0)
