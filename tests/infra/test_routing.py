"""Routing as pure functions: shares of requests, buckets of users, and the expressions that match them."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infra import routing
from infra.routing import BASELINE, BUCKETS, Share
from infra.settings import BlueGreenRelease, CanaryRelease, Slot

ALL_BUCKETS = [f"{bucket:03}" for bucket in range(BUCKETS)]
WEIGHTS = st.integers(0, 100)


def _slot(version: str, weight: int, *, replicas: int = 1) -> Slot:
    return Slot(version=version, replicas=replicas, weight=weight)


def _canary(weight: int, *, mirror: int = 0, sticky: bool = True, baseline: bool = True) -> CanaryRelease:
    return CanaryRelease(
        strategy="canary",
        sticky=sticky,
        mirror=mirror,
        baseline=baseline,
        stable=_slot("0.1.0", 100 - weight, replicas=4),
        candidate=_slot("0.2.0", weight, replicas=2),
    )


RELEASES = st.builds(_canary, WEIGHTS, mirror=st.integers(0, 100), sticky=st.booleans(), baseline=st.booleans())


def _matching(share: Share) -> list[str]:
    """The buckets that an expression matches, as a data plane asks: over the header's whole value."""
    pattern = re.compile(share.pattern)
    return [bucket for bucket in ALL_BUCKETS if pattern.fullmatch(bucket)]


@given(release=RELEASES)
def test_weights_of_a_release_sum_to_all(release: CanaryRelease) -> None:
    """Whatever the candidate has, and whether a baseline is beside it: the shares are 100 per cent together."""
    backends = routing.backends(release)
    assert sum(backend.weight for backend in backends) == 100
    assert all(backend.weight >= 0 for backend in backends)
    assert len({backend.slot for backend in backends}) == len(backends)


@given(stable=WEIGHTS, candidate=WEIGHTS)
def test_what_was_written_is_not_mended(stable: int, candidate: int) -> None:
    """The sum of the weights is the stack file's, right or wrong: the policy judges what was written."""
    release = CanaryRelease(strategy="canary", stable=_slot("0.1.0", stable), candidate=_slot("0.2.0", candidate))
    backends = routing.backends(release)
    assert sum(backend.weight for backend in backends) == stable + candidate
    assert {backend.slot: backend.weight for backend in backends}["candidate"] == candidate
    assert all(backend.weight >= 0 for backend in backends)


def test_a_slot_alone_has_no_baseline_and_no_rules_for_users() -> None:
    """Between releases a service is a slot with all requests."""
    rest = CanaryRelease(strategy="canary", mirror=10, stable=_slot("0.1.0", 100))
    green = BlueGreenRelease(strategy="blue_green", green=_slot("0.1.0", 100))
    for release, name in ((rest, "stable"), (green, "green")):
        assert [backend.slot for backend in routing.backends(release)] == [name]
        assert routing.shares(release) == ()
        assert not routing.is_mirrored(release)


def test_colours_have_no_baseline_and_no_rules_for_users() -> None:
    """A colour takes all or nothing: which user it is does not matter."""
    release = BlueGreenRelease(strategy="blue_green", blue=_slot("0.1.0", 0), green=_slot("0.2.0", 100))
    assert [(backend.slot, backend.weight) for backend in routing.backends(release)] == [("blue", 0), ("green", 100)]
    assert routing.shares(release) == ()


@given(release=RELEASES)
def test_the_baseline_is_stables_version_in_the_candidates_size(release: CanaryRelease) -> None:
    """It is there up to half of the requests, also before the first; beyond that, stable itself is compared."""
    candidate, derived = release.candidate, routing.baseline(release)
    assert candidate is not None
    assert (derived is not None) == (release.baseline and candidate.weight <= 50)
    if derived is not None:
        assert derived == _slot("0.1.0", candidate.weight, replicas=candidate.replicas)
        assert dict(routing.slots(release))[BASELINE] == derived


@given(release=RELEASES)
def test_buckets_of_the_slots_are_a_partition(release: CanaryRelease) -> None:
    """Each of 000 to 999 is one slot's, as many as its weight says, and an expression matches those and no others."""
    shares = routing.shares(release)
    matched = [_matching(share) for share in shares]
    assert matched == [ALL_BUCKETS[share.begin : share.end] for share in shares]
    if release.sticky:
        assert sorted(bucket for buckets in matched for bucket in buckets) == ALL_BUCKETS
        width = {backend.slot: 0 for backend in routing.backends(release)}
        for share in shares:
            width[share.slot or ""] += share.end - share.begin
        assert width == {backend.slot: backend.weight * 10 for backend in routing.backends(release)}
    else:
        assert all(share.slot is None and share.mirrored for share in shares)


@given(begin=st.integers(0, BUCKETS - 1), size=st.integers(1, BUCKETS))
def test_expressions_match_exactly_their_range(begin: int, size: int) -> None:
    """Any range, not only whole per cents, is matched to the bucket."""
    share = Share(begin=begin, end=min(begin + size, BUCKETS), slot="stable", mirrored=False)
    assert _matching(share) == ALL_BUCKETS[share.begin : share.end]


@given(value=st.text(max_size=6) | st.from_regex(r"[0-9]{0,6}\n?", fullmatch=True))
def test_what_is_no_bucket_matches_nothing(value: str) -> None:
    """A header that is empty, too long or no number goes by weight, as does none."""
    everything = Share(begin=0, end=BUCKETS, slot="stable", mirrored=False)
    assert bool(re.fullmatch(everything.pattern, value)) == (value in ALL_BUCKETS)


@given(weights=st.lists(WEIGHTS, unique=True, min_size=2).map(sorted), mirror=WEIGHTS)
def test_users_of_a_growing_candidate_stay_with_it(weights: list[int], mirror: int) -> None:
    """Whoever met the candidate meets it at every later step, and whoever met the baseline never meets stable again."""
    for weight, next_weight in pairwise(weights):
        before, after = (
            {
                bucket: share.slot
                for share in routing.shares(_canary(each, mirror=mirror))
                for bucket in range(share.begin, share.end)
            }
            for each in (weight, next_weight)
        )
        assert all(after[bucket] == "candidate" for bucket, slot in before.items() if slot == "candidate")
        if next_weight <= 50:
            assert all(after[bucket] != "stable" for bucket, slot in before.items() if slot == BASELINE)


@given(release=RELEASES)
def test_the_last_buckets_are_mirrored_and_never_the_candidates(release: CanaryRelease) -> None:
    """The mirrored are the last per cents of all users, less those who are the candidate's anyway."""
    assert release.candidate is not None
    weight = release.candidate.weight
    expected = set(range(BUCKETS - 10 * release.mirror, BUCKETS))
    if release.sticky:
        expected -= set(range(10 * weight))
    elif weight == 100:
        expected = set[int]()
    mirrored = {
        bucket for share in routing.shares(release) if share.mirrored for bucket in range(share.begin, share.end)
    }
    assert mirrored == expected
    assert routing.is_mirrored(release) == bool(expected)
    assert all(share.slot != "candidate" for share in routing.shares(release) if share.mirrored)
