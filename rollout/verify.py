"""Requests through the real gateway, to see that a route does what was asked of it.

They ask for the service's path with a method that it does not take: a pod names its slot and says no at once. So they
go the way of every request, cost no prediction, and count as no user's. One real prediction for each slot is beside.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from infra import routing
from rollout import split
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from infra.releases import Release
    from rollout.split import Fit

PATH: Final = "/v1/predict"
_TEXT: Final = "a wonderful film"
_AT_ONCE = 4
_SECONDS = 15.0
# A gateway tells its proxies in a second or two.
_SPREAD_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
# On a busy machine one round may take longer than that.
_LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was seen.

    Attributes:
        strangers: requests without a user, against the weights.
        users: requests of users drawn at random, against the weights.
        misled: of those, how many another slot answered than the one of their bucket.
        problems: what is wrong; none: the split is as asked.
    """

    strangers: Fit
    users: Fit
    misled: int
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "weights": {
                "asked": dict(self.strangers.asked),
                "counted": dict(self.strangers.counted),
                "p": self.strangers.p,
            },
            "users": {"counted": dict(self.users.counted), "p": self.users.p, "misled": self.misled},
            "problems": list(self.problems),
        }


def verify(endpoint: str, release: Release, *, tested: Collection[str], say: Callable[[str], None]) -> Verified:
    """Send requests until the split is seen to be as asked, or for so long that it cannot become so.

    Args:
        endpoint: the service's address, for example ``http://127.0.0.1:30080/sentiment``.
        release: what is deployed.
        tested: the slots that must answer a tester's prediction too.
        say: told what was seen.

    Raises:
        RolloutError: it is not, with the numbers.
    """
    end = time.monotonic() + _SPREAD_SECONDS
    looks = 0
    while True:
        looks += 1
        # A gateway that says nothing would make the whole round wait, request by request.
        silence = _silence(endpoint)
        if silence is None:
            seen = look(endpoint, release, tested=tested)
            if not seen.problems:
                say(f"without a user: {seen.strangers}")
                say(f"users: {seen.users}, none at another slot than its own")
                return seen
            problem = f"the gateway does not split as asked: {'; '.join(seen.problems)}"
        else:
            problem = f"the gateway does not answer at {endpoint}: {silence}"
        if looks >= _LOOKS and time.monotonic() > end:
            raise RolloutError(problem)
        time.sleep(_PAUSE_SECONDS)


def look(endpoint: str, release: Release, *, tested: Collection[str]) -> Verified:
    """Send one round of requests."""
    asked = {each.slot: float(each.weight) for each in routing.backends(release)}
    number = split.draws(asked)
    shares = [share for share in routing.shares(release) if share.slot]
    buckets = [random.randrange(routing.BUCKETS) for _ in range(number)]  # noqa: S311  # a sample, no secret
    with httpx.Client(timeout=_SECONDS) as client, ThreadPoolExecutor(_AT_ONCE) as sending:

        def ask(bucket: int | None) -> str:
            return _slot_of(client, endpoint, bucket)

        strangers = list(sending.map(ask, [None] * number))
        users = list(sending.map(ask, buckets))
        problems = _tested(client, endpoint, release, tested) if len(asked) > 1 else []
    owners = [routing.owner(shares, bucket) for bucket in buckets]
    misled = sum(owner not in (None, answered) for owner, answered in zip(owners, users, strict=True))
    by_weight, by_user = split.fit(Counter(strangers), asked), split.fit(Counter(users), asked)
    if not by_weight.holds:
        problems.append(f"requests without a user: {by_weight}")
    if not by_user.holds:
        problems.append(f"requests of users: {by_user}")
    if misled:
        problems.append(f"{misled} of {number} users were answered by another slot than their own")
    return Verified(strangers=by_weight, users=by_user, misled=misled, problems=tuple(problems))


def _silence(endpoint: str) -> str | None:
    """Why a request had no answer at all; None where it had one, of whatever status."""
    try:
        httpx.get(f"{endpoint}{PATH}", timeout=_SECONDS)
    except httpx.TransportError as error:
        return type(error).__name__
    return None


def _slot_of(client: httpx.Client, endpoint: str, bucket: int | None) -> str:
    """The slot that answers; a word in brackets where none did."""
    headers = {} if bucket is None else {routing.USER_BUCKET_HEADER: f"{bucket:03}"}
    try:
        answer = client.get(f"{endpoint}{PATH}", headers=headers)
    except httpx.TransportError as error:
        return f"({type(error).__name__})"
    return answer.headers.get(routing.SLOT_HEADER) or f"(status {answer.status_code})"


def _tested(client: httpx.Client, endpoint: str, release: Release, tested: Collection[str]) -> list[str]:
    """A real prediction of some slots, asked for by the testers' header."""
    problems = list[str]()
    for name, slot in routing.slots(release):
        if name not in tested:
            continue
        try:
            answer = client.post(f"{endpoint}{PATH}", json={"inputs": [_TEXT]}, headers={routing.SLOT_HEADER: name})
        except httpx.TransportError as error:
            problems.append(f"{name} does not answer: {type(error).__name__}")
            continue
        said = (answer.headers.get(routing.SLOT_HEADER), answer.headers.get(routing.VERSION_HEADER))
        if not answer.is_success or said != (name, slot.version):
            found = f"status {answer.status_code} of slot {said[0]}, version {said[1]}"
            problems.append(f"asked for {name} {slot.version}: {found}")
    return problems


def endpoint(outputs: Mapping[str, Any], service: str) -> str:
    """The address of a service.

    Raises:
        RolloutError: the stack's outputs name none.
    """
    found: str | None = outputs.get("endpoints", {}).get(service)
    if not found:
        raise RolloutError(f"the stack has no output endpoints.{service}: was it ever applied?")
    return found
