"""Routing, as pure functions: how a release splits the requests and the users of its service over its slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.settings import CanaryRelease, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from infra.settings import BlueGreenRelease

# What a service answers to the world. Health and metrics are for the cluster and stay inside.
PUBLIC_PATHS: Final = ("/v1", "/docs", "/openapi.json")
# Below it are the answers that a release is about: users stay with a slot there, and may be mirrored.
MODEL_PATH: Final = "/v1"

USER_BUCKET_HEADER: Final = "X-User-Bucket"
"""``000`` to ``999``: a hash of the user, made by the client, so that nobody here learns who it is."""
BUCKETS: Final = 1000
SLOT_HEADER: Final = "X-Inferstack-Slot"
"""Picks a slot by name: for testers, and to look at a candidate without requests."""
VERSION_HEADER: Final = "X-Inferstack-Version"
"""Of each answer; the slot's header is there too."""

SHADOW_HEADER: Final = "X-Inferstack-Shadow"
"""Marks requests that the comparator makes by itself, which count for no user. The gateway lets none through."""

BASELINE: Final = "baseline"
SHADOW: Final = "shadow"

_ALL = 100  # per cent
_PER_CENT = BUCKETS // _ALL  # buckets
_DIGITS = len(str(BUCKETS - 1))
# Beyond it stable has too few requests left to share them.
_BASELINE_UNTIL = 50


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A slot's share of the requests, in per cent."""

    slot: str
    weight: int


@dataclass(frozen=True, kw_only=True)
class Share:
    """The users of a range of buckets.

    Attributes:
        begin: the first bucket.
        end: the one after the last.
        slot: who answers them; None: each of their requests goes by weight.
        mirrored: whether their requests are also sent to the shadow.
    """

    begin: int
    end: int
    slot: str | None
    mirrored: bool

    @property
    def pattern(self) -> str:
        """A regular expression for the header's whole value; what is not three digits matches none."""
        low, high = (f"{number:0{_DIGITS}}" for number in (self.begin, self.end - 1))
        return f"^({'|'.join(_alternatives(low, high))})$"


def slots(release: CanaryRelease | BlueGreenRelease) -> tuple[tuple[str, Slot], ...]:
    """All slots that have pods, by name: those of the stack file, and the baseline where there is one.

    Their weights are the stack file's; who gets how much is in :func:`backends`.
    """
    derived = baseline(release)
    return (*release.slots(), *(((BASELINE, derived),) if derived else ()))


def baseline(release: CanaryRelease | BlueGreenRelease) -> Slot | None:
    """The slot that the candidate is compared with, in no stack file; None where there is none.

    It runs stable's version in the candidate's number of pods and takes as many requests, out of stable's: a small slot
    sees other batches than a large one, and new pods are not like old ones. It is there before the candidate gets
    requests, so that both begin together.
    """
    if not isinstance(release, CanaryRelease) or not release.baseline or release.candidate is None:
        return None
    candidate, stable = release.candidate, release.stable
    if candidate.weight > min(_BASELINE_UNTIL, stable.weight):
        return None
    return candidate.model_copy(update={"version": stable.version})


def backends(release: CanaryRelease | BlueGreenRelease) -> tuple[Backend, ...]:
    """The slots of a release with their weights, idle ones with weight 0 included.

    The baseline's weight is taken out of stable's. Their sum is that of the stack file: that it is 100 is a rule of the
    policy pack, not of this function.
    """
    derived = baseline(release)
    taken = {"stable": derived.weight} if derived else {}
    return tuple(Backend(slot=name, weight=slot.weight - taken.get(name, 0)) for name, slot in slots(release))


def is_mirrored(release: CanaryRelease | BlueGreenRelease) -> bool:
    """Whether some requests are sent to the shadow too."""
    return any(share.mirrored for share in shares(release))


def may_mirror(releases: Iterable[CanaryRelease | BlueGreenRelease]) -> bool:
    """Whether one of them mirrors while a candidate is there, be that now or in its next step."""
    return any(isinstance(release, CanaryRelease) and release.mirror > 0 for release in releases)


def shares(release: CanaryRelease | BlueGreenRelease) -> tuple[Share, ...]:
    """Who answers which users; none where users do not matter: a slot that is alone, colours, requests by weight.

    With weight w the candidate has the first 10 w buckets and the baseline the next 10 w: while the candidate grows, no
    user leaves it. Mirrored are the last buckets, which come to the candidate last, less those that it has.
    """
    if not isinstance(release, CanaryRelease) or release.candidate is None:
        return ()
    mirrored_from = BUCKETS - _PER_CENT * release.mirror
    owned = _owned(release, release.candidate)
    cut = (part for share in owned for part in _cut(share, mirrored_from))
    return tuple(share for share in cut if share.slot or share.mirrored)


def owner(shares: Iterable[Share], bucket: int) -> str | None:
    """The slot of the users of a bucket; None where none is theirs."""
    return next((share.slot for share in shares if share.begin <= bucket < share.end), None)


def _owned(release: CanaryRelease, candidate: Slot) -> Iterator[Share]:
    if not release.sticky:
        yield Share(begin=0, end=BUCKETS, slot=None, mirrored=candidate.weight < _ALL)
        return
    begin = 0
    widths = {"candidate": candidate.weight, BASELINE: candidate.weight if baseline(release) else 0, "stable": _ALL}
    for slot, width in widths.items():
        end = min(begin + _PER_CENT * width, BUCKETS)
        yield Share(begin=begin, end=end, slot=slot, mirrored=slot != "candidate")
        begin = end


def _cut(share: Share, mirrored_from: int) -> Iterator[Share]:
    """A share that may be mirrored as the part that is not and the part that is; empty ones are left out."""
    middle = min(max(mirrored_from, share.begin), share.end) if share.mirrored else share.end
    for begin, end, mirrored in ((share.begin, middle, False), (middle, share.end, True)):
        if begin < end:
            yield Share(begin=begin, end=end, slot=share.slot, mirrored=mirrored)


def _alternatives(low: str, high: str) -> Iterator[str]:
    """Regular expressions that match the numbers from low to high, both written with the same number of digits."""
    if not low:
        yield ""
        return
    (first, low_rest), (last, high_rest) = (low[0], low[1:]), (high[0], high[1:])
    zeros, nines = "0" * len(low_rest), "9" * len(low_rest)
    if first == last:
        yield from (first + rest for rest in _alternatives(low_rest, high_rest))
        return
    whole = range(int(first) + (low_rest != zeros), int(last) + (high_rest == nines))
    if low_rest != zeros:
        yield from (first + rest for rest in _alternatives(low_rest, nines))
    if whole:
        yield (f"[{whole[0]}-{whole[-1]}]" if len(whole) > 1 else str(whole[0])) + "[0-9]" * len(low_rest)
    if high_rest != nines:
        yield from (last + rest for rest in _alternatives(zeros, high_rest))


def public_prefix(service: str) -> str:
    """The path under which the gateway publishes a service: ``/sentiment``."""
    return f"/{service}"
