from __future__ import annotations

import random

import pytest

from drill.answers import Answer
from drill.scenarios import after, canary, prepared
from drill.splits import judge
from infra import routing
from infra.releases import Step

RELEASE = after(after(prepared(canary("0.1.0"), "0.2.0"), Step.ADVANCE), Step.ADVANCE)
ASKED = {backend.slot: backend.weight for backend in routing.backends(RELEASE)}


def _answer(slot: str | None, bucket: int | None) -> Answer:
    return Answer(at=0, seconds=0, status=200 if slot else 503, slot=slot, version="0.1.0", bucket=bucket)


def _owner(bucket: int) -> str:
    [slot] = [share.slot for share in routing.shares(RELEASE) if share.begin <= bucket < share.end]
    assert slot
    return slot


def _strangers(weights: dict[str, int], number: int = 2000) -> list[Answer]:
    drawn = random.Random(1).choices(list(weights), list(weights.values()), k=number)  # noqa: S311  # no secret
    return [_answer(slot, None) for slot in drawn]


def test_a_right_split_passes() -> None:
    """Strangers by the weights, each user at its own slot, failures that no pod answered left out."""
    users = [_answer(_owner(bucket), bucket) for bucket in range(0, 1000, 7)]
    split = judge([*_strangers(ASKED), *users, _answer(None, 5)], RELEASE)
    assert split.ok
    assert sum(split.users.values()) == len(users)


def test_weights_that_are_ignored_are_seen() -> None:
    """Strangers that are spread evenly over the slots do not fit."""
    assert not judge(_strangers(dict.fromkeys(ASKED, 1)), RELEASE).ok


@pytest.mark.parametrize("slot", ["stable", "green"])
def test_a_user_at_another_slot_is_seen(slot: str) -> None:
    """One is enough: users stay where they are."""
    split = judge([*_strangers(ASKED), _answer(slot, 0)], RELEASE)
    assert not split.ok
    assert split.misled == 1
