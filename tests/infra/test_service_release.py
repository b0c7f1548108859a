"""The objects of a service's release: what its steps add, what the gateway is told, and in which order slots leave."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

import serving.settings
import serving.shadow
from infra import naming, release_states, routing
from infra.kubernetes import departure
from infra.settings import BlueGreenRelease, CanaryRelease, Slot
from tests.infra.one_service import declare

if TYPE_CHECKING:
    from tests.infra.recorder import Declared

NOW: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AT_REST: Final = CanaryRelease(strategy="canary", mirror=10, stable=Slot(version="0.1.0", replicas=2, weight=100))


def _canary(weight: int) -> CanaryRelease:
    slots = {
        "stable": AT_REST.stable.model_copy(update={"weight": 100 - weight}),
        "candidate": Slot(version="0.2.0", replicas=1, weight=weight),
    }
    return AT_REST.model_copy(update=slots)


def _change(before: CanaryRelease | None, after: CanaryRelease) -> release_states.Change:
    known = before and release_states.change(None, AT_REST, now=NOW).wanted.after(before).plain()
    return release_states.change(known, after, now=NOW)


def _of_kind(declared: list[Declared], kind: str) -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in declared if each.type.endswith(f":{kind}")}


def _rules(declared: list[Declared], name: str) -> list[dict[str, Any]]:
    return _of_kind(declared, "HTTPRoute")[name]["spec"]["rules"]


def test_a_service_between_releases_has_no_object_of_a_release() -> None:
    """One slot with its testers' route, and one route with a rule for each path: what a release adds goes with it."""
    declared = declare(AT_REST)
    of_service = Counter(
        each.type.rpartition(":")[2]
        for each in declared
        if each.type.startswith("kubernetes:") and each.name.startswith("sentiment")
    )
    assert of_service == {
        "Deployment": 1,
        "HTTPRoute": 2,
        "NetworkPolicy": 1,
        "PodDisruptionBudget": 1,
        "Service": 1,
        "ServiceAccount": 1,
    }
    assert len(_rules(declared, "sentiment")) == len(routing.PUBLIC_PATHS)


@pytest.mark.parametrize("weight", [0, 5, 50, 100])
def test_each_rule_sends_whole_shares_to_slots_that_are_there(weight: int) -> None:
    """Weights sum to 100 in every rule; the Services are those of slots that have pods; no HTTPRoute is too long."""
    release = _canary(weight)
    declared = declare(release)
    services = _of_kind(declared, "Service").keys()
    slots = {naming.slot_name("sentiment", name) for name, _ in routing.slots(release)}
    assert slots <= services
    assert slots <= _of_kind(declared, "Deployment").keys()
    for name, route in _of_kind(declared, "HTTPRoute").items():
        rules = route["spec"]["rules"]
        assert len(rules) <= 16, name  # the API takes no more
        for rule in rules:
            assert sum(backend["weight"] for backend in rule["backendRefs"]) == 100
            assert {backend["name"] for backend in rule["backendRefs"]} <= slots


def test_rules_for_users_are_below_the_model_path_alone() -> None:
    """A user stays with a slot for what the model answers; documentation goes by weight."""
    rules = _rules(declare(_canary(20)), "sentiment")
    of_users = [rule for rule in rules if "headers" in rule["matches"][0]]
    assert {rule["matches"][0]["path"]["value"] for rule in of_users} == {"/sentiment/v1"}
    patterns = [rule["matches"][0]["headers"][0]["value"] for rule in of_users]
    assert patterns == [share.pattern for share in routing.shares(_canary(20))]


def test_testers_pick_by_more_headers_than_users_have() -> None:
    """By the API's order a rule with more headers comes first: a tester with a bucket meets the slot that was named."""
    declared = declare(_canary(20))
    for slot in ("stable", "candidate", routing.BASELINE):
        rules = _rules(declared, naming.slot_name("sentiment", slot))
        names = [[header["name"] for header in rule["matches"][0]["headers"]] for rule in rules]
        assert names[0] == [routing.SLOT_HEADER, routing.USER_BUCKET_HEADER]
        assert names[1:] == [[routing.SLOT_HEADER]] * len(routing.PUBLIC_PATHS)
        assert all(rule["matches"][0]["headers"][0]["value"] == slot for rule in rules)


def test_nobody_outside_is_taken_for_the_comparator() -> None:
    """Its requests count for no user, and so hide what they meet from the evidence: the gateway takes the mark away."""
    declared = declare(_canary(20))
    for name in ("sentiment", *(naming.slot_name("sentiment", slot) for slot in ("stable", "candidate"))):
        for rule in _rules(declared, name):
            (changed,) = (each for each in rule["filters"] if each["type"] == "RequestHeaderModifier")
            assert changed["requestHeaderModifier"]["remove"] == [routing.SHADOW_HEADER]


@pytest.mark.parametrize(("weight", "expected"), [(0, True), (50, True), (100, False)])
def test_what_is_mirrored_has_a_shadow(weight: int, expected: bool) -> None:  # noqa: FBT001  # a case, not an option
    """The shadow is there while requests are mirrored, which those of the candidate never are."""
    declared = declare(_canary(weight))
    assert ("sentiment-shadow" in _of_kind(declared, "Deployment")) is expected
    mirrors = [
        each["requestMirror"]["backendRef"]["name"]
        for rule in _rules(declared, "sentiment")
        for each in rule["filters"]
        if each["type"] == "RequestMirror"
    ]
    assert mirrors == (["sentiment-shadow"] if expected else [])


def test_the_shadow_is_told_what_it_reads() -> None:
    """Its variables are settings that the comparator takes, and lead to the two slots; it is no pod of the service."""
    deployment = _of_kind(declare(_canary(5)), "Deployment")["sentiment-shadow"]
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    told = serving.shadow.ShadowSettings.from_environment({each["name"]: each["value"] for each in container["env"]})
    assert (told.stable_url, told.candidate_url) == ("http://sentiment-stable:8080", "http://sentiment-candidate:8080")
    assert container["command"] == ["python3", "-m", serving.shadow.__name__]
    assert template["metadata"]["labels"][naming.SHADOW_LABEL] == "sentiment"
    assert naming.SERVICE_LABEL not in template["metadata"]["labels"]
    # What only watches holds up no release.
    assert deployment["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_a_pod_that_goes_has_time_for_all_it_took() -> None:
    """Until it is killed: its endpoint is withdrawn, the server drains, and the longest request ends."""
    pod = _of_kind(declare(AT_REST), "Deployment")["sentiment-stable"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    withdrawn = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    serves = serving.settings.Settings.from_environment({each["name"]: each["value"] for each in container["env"]})
    assert withdrawn >= 5
    assert pod["terminationGracePeriodSeconds"] > withdrawn + serves.drain_seconds + serves.request_timeout_seconds


@pytest.mark.parametrize(
    ("before", "after", "slots"),
    [
        (None, AT_REST, set[str]()),
        (AT_REST, _canary(0), set[str]()),
        (_canary(5), _canary(20), set[str]()),
        (_canary(40), _canary(100), {routing.BASELINE}),
        (_canary(5), AT_REST, {"candidate", routing.BASELINE}),
        (_canary(5), _canary(5), set[str]()),
    ],
)
def test_slots_that_leave_are_known(before: CanaryRelease | None, after: CanaryRelease, slots: set[str]) -> None:
    """Derived ones too; a step that was made before takes nothing away again."""
    assert departure.leaving(_change(before, after)) == slots


@pytest.mark.parametrize(("before", "waited"), [(_canary(5), [departure.SECONDS]), (None, [])])
def test_a_program_ends_only_when_the_gateway_has_heard_that_a_slot_leaves(
    before: CanaryRelease | None, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it no longer declares is deleted when it ends: pods that still got requests would go with them."""
    seconds = list[float]()

    async def sleep(duration: float) -> None:
        seconds.append(duration)
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr(departure, "asyncio", type("Clock", (), {"sleep": staticmethod(sleep)}))
    declare(AT_REST, change=_change(before, AT_REST))
    assert seconds == waited


@pytest.mark.parametrize(
    ("release", "route"),
    [
        (AT_REST, "sentiment-stable"),
        (BlueGreenRelease(strategy="blue_green", blue=Slot(version="0.1.0", replicas=2, weight=100)), "sentiment-blue"),
    ],
)
def test_the_only_slot_is_known_to_the_gateway_too(release: CanaryRelease | BlueGreenRelease, route: str) -> None:
    """Where a service changes its strategy, all requests go to a slot that is new: 503 until it is known."""
    assert route in _of_kind(declare(release), "HTTPRoute")


def test_colours_are_known_to_the_gateway_before_they_get_requests() -> None:
    """The idle colour is a backend of weight 0, and has a route of its own for testers."""
    slot = Slot(version="0.1.0", replicas=2, weight=100)
    idle = Slot(version="0.2.0", replicas=2, weight=0)
    declared = declare(BlueGreenRelease(strategy="blue_green", blue=slot, green=idle))
    assert _of_kind(declared, "HTTPRoute").keys() == {"sentiment", "sentiment-blue", "sentiment-green"}
    weights = [
        [(each["name"], each["weight"]) for each in rule["backendRefs"]] for rule in _rules(declared, "sentiment")
    ]
    assert weights == [[("sentiment-blue", 100), ("sentiment-green", 0)]] * len(routing.PUBLIC_PATHS)
