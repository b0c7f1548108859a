"""Asking the gateway whether it splits as it should."""

from __future__ import annotations

import socket

import pytest

from infra.settings import CanaryRelease, Slot
from rollout import verify
from rollout.errors import RolloutError


def test_a_gateway_that_is_away_is_not_asked_hundreds_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request a look tells it: each of a round would wait for the same."""
    monkeypatch.setattr(verify, "_SPREAD_SECONDS", 0.0)
    monkeypatch.setattr(verify, "_PAUSE_SECONDS", 0.0)
    release = CanaryRelease(strategy="canary", stable=Slot(version="0.1.0", replicas=1, weight=100))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and nobody listens
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}/sentiment"
        with pytest.raises(RolloutError, match=f"does not answer at {endpoint}: ConnectError"):
            verify.verify(endpoint, release, tested=["stable"], say=pytest.fail)
