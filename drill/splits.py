"""Whether requests were split as the stack file says: exactly for users, by a test for strangers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra import routing
from rollout import split as tests

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drill.answers import Answer
    from infra.releases import Release
    from rollout.split import Fit


@dataclass(frozen=True, kw_only=True)
class Split:
    """The split of one step.

    Attributes:
        strangers: answers to requests without a user, against the weights.
        users: answers to requests of users, for each slot; few users ask much, so no test fits their number.
        misled: answers to users by another slot than the one of their bucket.
    """

    strangers: Fit
    users: dict[str, int]
    misled: int

    @property
    def ok(self) -> bool:
        """Whether it is what was wanted."""
        return not self.misled and self.strangers.holds

    def plain(self) -> dict[str, Any]:
        """As data."""
        return {
            "wanted_per_cent": dict(self.strangers.asked),
            "strangers": dict(self.strangers.counted),
            "p": self.strangers.p,
            "users": self.users,
            "misled": self.misled,
            "ok": self.ok,
        }

    def __str__(self) -> str:
        return f"{self.strangers}; {sum(self.users.values())} of users, {self.misled} of them misled"


def judge(answers: Iterable[Answer], release: Release) -> Split:
    """Compare answers with what a release asks for.

    Args:
        answers: of a time in which it did not change; failures that no pod answered are counted elsewhere.
        release: that was deployed.
    """
    strangers, users = Counter[str](), Counter[str]()
    shares = [share for share in routing.shares(release) if share.slot]
    misled = 0
    for answer in answers:
        if answer.slot is None:
            continue
        if answer.bucket is None or not shares:
            strangers[answer.slot] += 1
            continue
        users[answer.slot] += 1
        owner = routing.owner(shares, answer.bucket) or answer.slot
        misled += answer.slot != owner
    asked = {backend.slot: float(backend.weight) for backend in routing.backends(release)}
    return Split(strangers=tests.fit(strangers, asked), users=dict(users), misled=misled)
