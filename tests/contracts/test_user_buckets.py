"""Client, gateway, pods and evidence speak of the same users: none imports the other, and all repeat the words."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

import client.buckets
import client.clients
import rollout.evidence.observations
import serving.user_metrics
from infra import routing
from infra.settings import CanaryRelease, Slot


def test_all_name_the_headers_alike() -> None:
    """What the client sends is what the gateway matches and what pods count by."""
    assert client.buckets.BUCKET_HEADER == serving.user_metrics.HEADER == routing.USER_BUCKET_HEADER
    assert client.clients.SLOT_HEADER == routing.SLOT_HEADER


@given(user=st.text(max_size=40), weight=st.integers(0, 100))
def test_each_user_of_the_client_is_one_slots(user: str, weight: int) -> None:
    """Whatever the name, its bucket is in the range of exactly one slot."""
    bucket = client.buckets.user_bucket(user)
    shares = routing.shares(_canary(weight))
    assert [share.begin <= int(bucket) < share.end for share in shares].count(True) == 1
    assert [bool(re.fullmatch(share.pattern, bucket)) for share in shares].count(True) == 1


@given(weight=st.integers(0, 100))
def test_a_unit_of_the_evidence_is_one_slots(weight: int) -> None:
    """Buckets are counted in units, and no unit has users of two slots: it could not be compared."""
    of_unit: dict[str, set[str | None]] = {}
    for share in routing.shares(_canary(weight)):
        for bucket in range(share.begin, share.end):
            header = (routing.USER_BUCKET_HEADER.lower().encode(), f"{bucket:03}".encode())
            of_unit.setdefault(serving.user_metrics.unit_of([header]), set()).add(share.slot)
    assert len(of_unit) == rollout.evidence.observations.UNITS
    assert all(len(slots) == 1 for slots in of_unit.values())


def _canary(weight: int) -> CanaryRelease:
    return CanaryRelease(
        strategy="canary",
        stable=Slot(version="0.1.0", replicas=1, weight=100 - weight),
        candidate=Slot(version="0.2.0", replicas=1, weight=weight),
    )
