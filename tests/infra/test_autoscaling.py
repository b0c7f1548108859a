"""Slots that are scaled: by what, between which bounds, and who owns the number of pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import settings
from infra.kubernetes import autoscaling
from infra.settings import Autoscaling, BlueGreenRelease, CanaryRelease, Service, SettingsError, Slot
from tests.infra import one_service
from tests.infra.recorder import record
from tests.infra.samples import OBJECTIVE, TEAM
from tests.infra.stacks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCALED = Autoscaling(max_replicas=6, requests_in_flight=8)
CANARY = CanaryRelease(
    strategy="canary",
    stable=Slot(version="0.1.0", replicas=3, weight=95),
    candidate=Slot(version="0.2.0", replicas=1, weight=5),
)
COLOURS = BlueGreenRelease(
    strategy="blue_green",
    blue=Slot(version="0.1.0", replicas=3, weight=100),
    green=Slot(version="0.2.0", replicas=3, weight=0),
)


def _service(release: CanaryRelease | BlueGreenRelease, scaled: Autoscaling | None = SCALED) -> Service:
    return Service(
        name="sentiment",
        task="text-classification",
        pool="gpu",
        team=TEAM,
        objective=OBJECTIVE,
        autoscaling=scaled,
        release=release,
    )


def _autoscaler(service: Service, slot: Slot) -> Any:  # noqa: ANN401  # its parts are inputs, which may be anything
    found = list[Any]()

    def program() -> None:
        found.append(
            autoscaling.autoscaler(service, slot, Deployment("sentiment", metadata=ObjectMetaArgs(name="sentiment")))
        )

    record(program)
    return found[0]


def test_a_canary_is_scaled_by_its_own_pods() -> None:
    """The metric is of the pods of the slot's own Deployment; the least is what the stack file says."""
    candidate = CANARY.candidate
    assert candidate is not None
    found = _autoscaler(_service(CANARY), candidate)
    assert (found.min_replicas, found.max_replicas) == (1, 6)
    (metric,) = found.metrics
    assert (metric.type, metric.pods.metric.name) == ("Pods", autoscaling.METRIC)
    assert (metric.pods.target.type, metric.pods.target.average_value) == ("AverageValue", "8")


def test_stable_is_ready_for_a_promotion() -> None:
    """While the candidate has all requests, stable is as large as all of them need: the promotion gives it them all."""
    candidate = Slot(version="0.2.0", replicas=1, weight=100)
    release = CanaryRelease(strategy="canary", stable=Slot(version="0.1.0", replicas=3, weight=0), candidate=candidate)
    (stable,) = _autoscaler(_service(release), release.stable).metrics
    assert (stable.type, stable.object.described_object.name) == ("Object", "sentiment")
    assert _autoscaler(_service(release), candidate).metrics[0].type == "Pods"


def test_a_colour_is_sized_for_the_whole_service() -> None:
    """An idle colour gets all requests at once, so its number of pods follows those of the service."""
    assert COLOURS.green is not None
    (metric,) = _autoscaler(_service(COLOURS), COLOURS.green).metrics
    described = metric.object.described_object
    assert (metric.type, described.kind, described.name) == ("Object", "Service", "sentiment")


@pytest.mark.parametrize(
    ("scaled", "replicas", "ignored"),
    [(SCALED, 1, ["spec.replicas"]), (SCALED, 0, None), (None, 1, None)],
    ids=["scaled", "without pods", "not scaled"],
)
def test_the_number_of_pods_has_one_owner(scaled: Autoscaling | None, replicas: int, ignored: list[str] | None) -> None:
    """The program ignores it exactly where an autoscaler is declared."""
    slot = Slot(version="0.1.0", replicas=replicas, weight=100)
    service = _service(CanaryRelease(strategy="canary", stable=slot), scaled)
    assert autoscaling.ignored(service, slot) == ignored
    assert (_autoscaler(service, slot) is None) == (ignored is None)


def test_a_slot_has_its_autoscaler_and_takes_its_number_back() -> None:
    """What scaled a Deployment owns its number of pods: an update without the autoscaler has to win, not to fail."""
    declared = one_service.declare(CANARY, autoscaling=SCALED)
    kinds = {each.type.rpartition(":")[2]: each.inputs for each in declared if each.name == "sentiment-candidate"}
    assert kinds["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "sentiment-candidate"
    assert kinds["Deployment"]["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}


def _raw(stack: str, **autoscaling: int) -> dict[str, Any]:
    raw = settings.read(stack, ROOT).model_dump(mode="json", exclude_none=True)
    raw["services"][0]["autoscaling"] = {"max_replicas": 4, "requests_in_flight": 8} | autoscaling
    return raw


def test_more_pods_than_the_most_are_refused(tmp_path: Path) -> None:
    """A slot cannot begin with more than it may be scaled to."""
    with pytest.raises(SettingsError, match=r"max_replicas: 2 is less than blue\.replicas, 3\. Allowed: as many or"):
        settings.parse(_raw("prod", max_replicas=2), source=tmp_path / "Pulumi.prod.yaml")


def test_a_cluster_that_pulls_names_what_scales(tmp_path: Path) -> None:
    """Without the image there would be no metric, and nothing would ever be scaled."""
    with pytest.raises(SettingsError, match=r"cluster\.images: the key prometheus_adapter is missing; service 'sent"):
        settings.parse(_raw("prod"), source=tmp_path / "Pulumi.prod.yaml")
    raw = _raw("prod")
    raw["cluster"]["images"]["prometheus_adapter"] = f"registry.example/adapter:v0.12.0@sha256:{'0' * 64}"
    assert settings.parse(raw, source=tmp_path / "Pulumi.prod.yaml").services[0].autoscaling is not None
