"""The pure functions of the program: capacity, routing, names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import capacity, naming, quantities, routing
from infra.settings import BlueGreenRelease, CanaryRelease, EmbeddedCluster, Pool, Resources, Service, Settings, Slot
from tests.infra.samples import MONITORING, OBJECTIVE, TEAM

NAMES = st.from_regex(settings_name := re.compile(r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?"), fullmatch=True)


def _slot(replicas: int, weight: int) -> Slot:
    return Slot(version="0.1.0", replicas=replicas, weight=weight)


def _service(release: CanaryRelease | BlueGreenRelease, *, gpus: int = 1) -> Service:
    return Service(
        name="sentiment",
        task="text-classification",
        pool="gpu",
        team=TEAM,
        objective=OBJECTIVE,
        resources=Resources(cpu="500m", memory="1Gi", gpus=gpus),
        release=release,
    )


def _settings(*services: Service, gpus: int = 2) -> Settings:
    return Settings(
        cluster=EmbeddedCluster(kind="embedded", gpus=gpus),
        monitoring=MONITORING,
        pools=(Pool(name="gpu", variant="cpu"),),
        services=services,
    )


@pytest.mark.parametrize(("quantity", "expected"), [("1", 1000), ("0.5", 500), ("250m", 250), ("2.25", 2250)])
def test_cpu_quantities_are_thousandths(quantity: str, expected: int) -> None:
    """CPU is counted in thousandths, as Kubernetes does."""
    assert quantities.millis(quantity) == expected


@pytest.mark.parametrize(("quantity", "expected"), [("512Mi", 512), ("2Gi", 2048)])
def test_memory_quantities_are_mebibytes(quantity: str, expected: int) -> None:
    """Memory is counted in MiB."""
    assert quantities.mebibytes(quantity) == expected


def test_a_rollout_asks_for_two_pods_more_per_running_slot() -> None:
    """While a slot is rolled out one pod comes and one goes, both counted; an idle slot asks for nothing."""
    release = CanaryRelease(strategy="canary", stable=_slot(3, 100), candidate=_slot(0, 0))
    assert capacity.rollout(_service(release)) == capacity.Demand(pods=5, cpu_millis=2500, memory_mib=5120, gpus=5)


@given(stable=st.integers(0, 20), candidate=st.integers(0, 20), gpus=st.integers(0, 4), there=st.integers(0, 64))
def test_a_shortage_is_told_exactly_when_a_rollout_could_not_end(
    stable: int, candidate: int, gpus: int, there: int
) -> None:
    """There is enough exactly if all replicas and one more of the largest fit."""
    release = CanaryRelease(strategy="canary", stable=_slot(stable, 100), candidate=_slot(candidate, 0))
    shortage = capacity.shortage(_settings(_service(release, gpus=gpus), gpus=there))
    assert (shortage is None) == ((stable + candidate + 1) * gpus <= there)


@given(stable=st.integers(0, 100), candidate=st.integers(0, 100))
def test_weights_reach_the_route_unchanged(stable: int, candidate: int) -> None:
    """Routing neither normalises nor drops a weight: the policy judges what was written."""
    release = CanaryRelease(strategy="canary", stable=_slot(1, stable), candidate=_slot(1, candidate))
    assert [(backend.slot, backend.weight) for backend in routing.backends(release)] == [
        ("stable", stable),
        ("candidate", candidate),
    ]


def test_colours_are_slots() -> None:
    """A blue/green release has a backend for each colour that is filled."""
    release = BlueGreenRelease(strategy="blue_green", green=_slot(1, 100))
    assert [backend.slot for backend in routing.backends(release)] == ["green"]


@given(service=NAMES, slot=st.sampled_from(["stable", "candidate", "blue", "green"]))
def test_slot_names_are_dns_labels(service: str, slot: str) -> None:
    """A slot's objects, and the pods of its Deployment, have names that Kubernetes takes."""
    name = naming.slot_name(service, slot)
    pod = f"{name}-7d4b9c8f6d-x2x7k"
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", pod)
    assert len(pod) <= 63


def test_selectors_are_part_of_the_labels() -> None:
    """What a selector asks for, every object of that name has."""
    assert naming.selector("envoy").items() <= naming.labels("envoy", "prod").items()
