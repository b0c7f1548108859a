"""What services ask for, at rest and at the height of a release, against what their pool may have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import capacity, cold_nodes, instance_types, settings
from infra.settings import Autoscaling, BlueGreenRelease, CanaryRelease, EmbeddedCluster, Pool, Resources, Service, Slot
from tests.infra.samples import MONITORING, OBJECTIVE, TEAM

if TYPE_CHECKING:
    from infra.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path("Pulumi.nowhere.yaml")


def _slot(replicas: int, weight: int, version: str = "0.1.0") -> Slot:
    return Slot(version=version, replicas=replicas, weight=weight)


def _canary(stable: int, candidate: int | None = None, *, weight: int = 0, baseline: bool = True) -> CanaryRelease:
    second = None if candidate is None else _slot(candidate, weight, "0.2.0")
    return CanaryRelease(strategy="canary", baseline=baseline, stable=_slot(stable, 100 - weight), candidate=second)


def _service(
    release: CanaryRelease | BlueGreenRelease, *, gpus: int = 1, most: int | None = None, name: str = "sentiment"
) -> Service:
    return Service(
        name=name,
        task="text-classification",
        pool="gpu",
        team=TEAM,
        objective=OBJECTIVE,
        resources=Resources(cpu="500m", memory="1Gi", gpus=gpus),
        autoscaling=None if most is None else Autoscaling(max_replicas=most, requests_in_flight=4),
        release=release,
    )


def _settings(*services: Service, gpus: int) -> Settings:
    return settings.Settings(
        cluster=EmbeddedCluster(kind="embedded", gpus=gpus),
        monitoring=MONITORING,
        pools=(Pool(name="gpu", variant="cpu"),),
        services=services,
    )


def _pods(demand: capacity.Demand) -> int:
    return demand.pods


@pytest.mark.parametrize(
    ("release", "at_rest", "at_peak"),
    [
        pytest.param(_canary(1), 1, 4, id="one pod: the next release has a candidate and a baseline of one pod each"),
        pytest.param(_canary(3), 3, 7, id="three pods: the candidate grows to three"),
        pytest.param(_canary(3, 1), 5, 7, id="a candidate of one, and its baseline"),
        pytest.param(_canary(3, 3), 9, 10, id="the baseline has the candidate's size"),
        pytest.param(_canary(3, 3, baseline=False), 6, 7, id="no baseline is wanted"),
        pytest.param(_canary(3, 3, weight=100), 6, 10, id="above half of the requests there is none"),
        pytest.param(BlueGreenRelease(strategy="blue_green", blue=_slot(3, 100)), 3, 7, id="one colour"),
        pytest.param(
            BlueGreenRelease(strategy="blue_green", blue=_slot(3, 100), green=_slot(3, 0, "0.2.0")), 6, 7, id="both"
        ),
    ],
)
def test_a_release_at_its_height(release: CanaryRelease | BlueGreenRelease, at_rest: int, at_peak: int) -> None:
    """Both slots at the size of the larger, or the baseline beside them, and one pod in surge or that builds."""
    service = _service(release)
    assert (_pods(capacity.steady(service)), _pods(capacity.release_peak(service))) == (at_rest, at_peak)


def test_what_is_scaled_counts_at_its_most() -> None:
    """An autoscaler may ask for max_replicas of each slot that runs, the baseline included; an idle slot has none."""
    service = _service(_canary(2, 1), most=5)
    assert capacity.sizes(service) == {"stable": 5, "candidate": 5, "baseline": 5}
    assert _pods(capacity.release_peak(service)) == 16
    assert capacity.sizes(_service(_canary(2, 0), most=5))["candidate"] == 0


@given(
    stable=st.integers(0, 20),
    candidate=st.none() | st.integers(0, 20),
    gpus=st.integers(0, 4),
    there=st.integers(0, 64),
    most=st.none() | st.integers(20, 29),
)
def test_a_shortage_is_told_exactly_when_something_could_not_end(
    stable: int, candidate: int | None, gpus: int, there: int, most: int | None
) -> None:
    """A rollout needs one pod more than there are; a release that has begun needs what it has at its height."""
    service = _service(_canary(stable, candidate), gpus=gpus, most=most)
    wanted = capacity.steady(service) + capacity.replica(service)
    if candidate is not None:
        wanted = max(wanted, capacity.release_peak(service), key=lambda demand: demand.gpus)
    shortage = capacity.shortage(_settings(service, gpus=there), source=SOURCE)
    assert (shortage is None) == (wanted.gpus <= there)


def test_other_services_of_the_pool_stay(tmp_path: Path) -> None:
    """A release has what others leave it, and the sentence has all numbers, the key and the file."""
    found = capacity.shortage(
        _settings(_service(_canary(3, 1)), _service(_canary(2), name="toxicity"), gpus=8), source=tmp_path / SOURCE
    )
    assert found is not None
    assert found.startswith("Pulumi.nowhere.yaml: inferstack:services[0].release: ")
    for part in ("sentiment asks for 7 GPUs", "stable 3 + candidate 1 + baseline 1", "for 2", "8 at most", "to 9"):
        assert part in found


def test_a_node_that_has_to_be_started_is_told() -> None:
    """With how many there are to be, and what a pod waits for one of this type."""
    raw = settings.read("staging", ROOT).model_dump(mode="json")
    raw["services"][0]["release"] |= {"candidate": {"version": "0.2.0", "replicas": 2, "weight": 0}}
    found = capacity.shortage(settings.parse(raw, source=SOURCE), source=SOURCE)
    assert found is not None
    assert found.endswith(f"5 of its nodes would have to be started, and a pod waits {_wait('g6.xlarge')} s for one")


def _wait(instance_type: str) -> int:
    return cold_nodes.seconds(instance_type)


def test_slow_disks_make_a_cold_node_later() -> None:
    """The image is written as fast as the instance's disks are, up to what a volume of gp3 does."""
    assert _wait("g5.xlarge") > _wait("g4dn.xlarge") > _wait("g6.xlarge") == _wait("p5.48xlarge")
    assert all(150 < _wait(name) < 600 for name in instance_types.GPU_TYPES)


SIZES = st.integers(1, 5)


@given(
    stable=SIZES,
    candidate=SIZES,
    weight=st.sampled_from([0, 5, 20, 40, 100]),
    most=st.none() | st.integers(5, 9),
    profile=st.booleans(),
)
def test_the_quota_is_the_same_all_through_a_release(
    stable: int, candidate: int, weight: int, most: int | None, *, profile: bool
) -> None:
    """A step changes no quota while the candidate is no larger than stable, and all pods of the height fit in it."""
    candidate = min(stable, candidate)
    during = _service(_canary(stable, candidate, weight=weight), most=most)
    if profile:
        shape: dict[str, Any] = {"min": 1, "opt": 1, "max": 1}
        wanted = settings.Profile.model_validate({"precision": "fp16", "batch": shape, "length": shape})
        during = during.model_copy(update={"profile": wanted})
    before = during.model_copy(update={"release": _canary(stable)})
    assert capacity.quota(before) == capacity.quota(during)
    running = len(capacity.sizes(during))
    rolled = capacity.steady(during) + capacity.replica(during) * (2 * running)
    height = max(capacity.release_peak(during), rolled, key=_pods)
    assert _pods(height + capacity.SHADOW) <= _pods(capacity.quota(during))
