"""Where a command leads, and what its journal knows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.release_states import State
from infra.releases import Release, Step, step_between
from infra.settings import BlueGreenRelease, CanaryRelease, Slot
from rollout import confined, deployed, git, moves
from rollout.confined import Planned
from rollout.errors import ExitCode, RolloutError
from rollout.journal import Entry, Journal, Phase
from rollout.place import Place
from tests.rollout import world

STEPS = (5, 20, 40, 100)


def _slot(version: str, weight: int) -> Slot:
    return Slot(version=version, weight=weight, replicas=2)


def _canary(weight: int | None) -> CanaryRelease:
    if weight is None:
        return CanaryRelease(strategy="canary", stable=_slot("0.1.0", 100))
    return CanaryRelease(strategy="canary", stable=_slot("0.1.0", 100 - weight), candidate=_slot("0.2.0", weight))


def _colours(blue: int, green: int) -> BlueGreenRelease:
    return BlueGreenRelease(strategy="blue_green", blue=_slot("0.1.0", blue), green=_slot("0.2.0", green))


RELEASES = st.sampled_from([*(_canary(weight) for weight in (None, 0, *STEPS)), _colours(100, 0), _colours(0, 100)])


@given(release=RELEASES, switched=st.none() | st.booleans())
def test_the_way_back_is_made_of_allowed_steps(release: Release, *, switched: bool | None) -> None:
    """Each state on the way out is one step from the one before; one version is there at its end, with all requests."""
    state = release
    for each in moves.out(release, switched=switched):
        step_between(state, each)
        state = each
    assert [slot.weight for _, slot in state.slots()] == [100]
    if isinstance(release, CanaryRelease):
        assert dict(state.slots())["stable"].version == "0.1.0"
    assert step_between(release, moves.back(release, switched=switched)) in {
        Step.ROLLBACK,
        Step.FREE,
        Step.SWITCH,
        Step.NOTHING,
    }


def test_forward_is_the_sequence_of_a_release() -> None:
    """A canary climbs, is promoted, and is at its end; the stack file's own step comes first where it has one."""
    state: Release = _canary(0)
    taken = list[Step]()
    while len(dict(state.slots())) > 1:
        after = moves.forward(state, state, switched=None)
        taken.append(step_between(state, after))
        state = after
    assert taken == [*[Step.ADVANCE] * 4, Step.PROMOTE]
    assert moves.forward(_canary(None), _canary(0), switched=None) == _canary(0)
    with pytest.raises(RolloutError, match="advance --version"):
        moves.forward(state, state, switched=None)


@pytest.mark.parametrize(
    ("release", "switched", "forward", "back"),
    [
        (_colours(100, 0), None, Step.SWITCH, Step.FREE),
        (_colours(0, 100), None, Step.FREE, Step.SWITCH),
        # Down to an older version, on purpose: the record knows, the versions do not.
        (_colours(0, 100), False, Step.SWITCH, Step.FREE),
    ],
)
def test_colours_go_by_the_record(
    release: BlueGreenRelease, *, switched: bool | None, forward: Step, back: Step
) -> None:
    """What is forward and what is back depends on which colour came last."""
    assert step_between(release, moves.forward(release, release, switched=switched)) is forward
    assert step_between(release, moves.back(release, switched=switched)) is back


def _record(blue: int, green: int, served: list[str], last: dict[str, Any]) -> dict[str, Any]:
    slots = {name: slot.model_dump(mode="json") for name, slot in _colours(blue, green).slots()}
    release = {"strategy": "blue_green", "slots": slots, "served": served, "last": last}
    return {"releases": {"own": release}}


def _switched(*served: str) -> dict[str, Any]:
    """What is recorded of a switch from blue to green, by which versions had served before it."""
    previous = _record(100, 0, list(served), {})["releases"]["own"]
    return _record(0, 100, ["0.1.0", "0.2.0"], {"step": "switch", "previous": previous})


@pytest.mark.parametrize(
    ("outputs", "switched"),
    [
        ({}, None),
        # On the way down to 0.1.0, before the switch: it has not served.
        (_record(0, 100, ["0.2.0"], {"step": "prepare"}), False),
        (_switched("0.1.0"), True),
        # There and back, or there, back and there again: both had served.
        (_switched("0.1.0", "0.2.0"), None),
    ],
)
def test_what_the_program_recorded_knows_the_newer_colour(outputs: dict[str, Any], *, switched: bool | None) -> None:
    """Where another machine took the step, or the one here failed after it: nobody is sent to what never served."""
    assert deployed.switched(outputs, "own") is switched


def test_a_service_that_no_update_was_aimed_at_is_not_deployed() -> None:
    """It is in the outputs without a field, and holds up nobody's way back."""
    assert deployed.release({"releases": {"own": {}}}, "own", like=_canary(None)) is None


def _stack_file(**releases: Release) -> str:
    """With a service for each release."""
    document: Any = yaml.safe_load(world.STACK_FILE.format(services="".join(map(_service, releases))))
    for service in document["config"]["inferstack:services"]:
        service["release"] = releases[service["name"]].model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(document)


def _service(name: str) -> str:
    return world.SERVICE.format(name=name)


@settings(max_examples=30)  # each reads some YAML
@given(there=st.none() | RELEASES, wanted=RELEASES, steps=st.sampled_from([STEPS, (50, 100)]))
def test_a_way_back_takes_others_as_they_are_deployed(
    there: Release | None, wanted: Release, steps: tuple[int, ...]
) -> None:
    """Whatever the file wants of them, also other steps or another strategy; without those that are not deployed."""
    if isinstance(wanted, CanaryRelease):
        wanted = wanted.model_copy(update={"steps": steps, "pause_minutes": 7})
    own = _canary(20)
    record = State(release=there, served=()).plain() if there else {}
    place = Place(stack="test", service="own", project=Path("/nowhere"), environment={})
    text = deployed.others_as_deployed(place, _stack_file(own=own, other=wanted), {"releases": {"other": record}})
    left = {service.name: service.release for service in place.settings_of(text).services}
    assert left == {"own": own, **({"other": there} if there else {})}


def test_versions_that_cannot_be_ordered_lose_no_colour() -> None:
    """Without any record the way back is a switch, which keeps both."""
    release = BlueGreenRelease(strategy="blue_green", blue=_slot("0.1.0", 0), green=_slot("0.2.0-int8", 100))
    assert step_between(release, moves.back(release, switched=None)) is Step.SWITCH


@pytest.mark.parametrize(
    ("deployed", "version", "sentence"),
    [
        (_canary(None), "0.2", "version: '0.2' is not allowed"),
        (_canary(None), "latest", "version: 'latest' is not allowed"),
        (_canary(20), "0.3.0", "candidate is 0.2.0 and has 20 % of the requests"),
    ],
)
def test_a_version_that_cannot_begin(deployed: Release, version: str, sentence: str) -> None:
    """A word that is no version, a slot that has requests: said, with exit code 2."""
    with pytest.raises(RolloutError, match=sentence) as refused:
        moves.prepared(deployed, version, replicas=None)
    assert refused.value.code == ExitCode.USAGE


def _entry(phase: Phase, *, step: Step = Step.SWITCH, after: Release | None = None) -> Entry:
    time = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    after = after or _colours(0, 100)
    return Entry(time=time, run="r", command="advance", step=step, phase=phase, before=None, after=after, reason="ö")


@settings(max_examples=30)
@given(st.data())
def test_a_journal_survives_being_cut_anywhere(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """However much of the last line is on the disk: what was written before is there, and so is what comes after."""
    file = tmp_path_factory.mktemp("journal") / "own.jsonl"
    journal = Journal(file)
    journal.add(_entry(Phase.PLANNED))
    whole = file.stat().st_size
    journal.add(_entry(Phase.APPLYING))
    cut = data.draw(st.integers(whole, file.stat().st_size))
    file.write_bytes(file.read_bytes()[:cut])
    phases = [each.phase for each in journal.read()]
    assert phases in ([Phase.PLANNED], [Phase.PLANNED, Phase.APPLYING])
    journal.add(_entry(Phase.DONE))
    assert [each.phase for each in journal.read()] == [*phases, Phase.DONE]


def test_a_journal_knows_which_colour_is_the_newer(tmp_path: Path) -> None:
    """By the steps that were done, and only while what is deployed is what they led to."""
    journal = Journal(tmp_path / "own.jsonl")
    assert journal.switched(_colours(0, 100)) is None
    journal.add(_entry(Phase.DONE, step=Step.PREPARE, after=_colours(100, 0)))
    assert journal.switched(_colours(100, 0)) is False
    journal.add(_entry(Phase.FAILED))
    assert journal.switched(_colours(100, 0)) is False
    journal.add(_entry(Phase.DONE))
    assert (journal.switched(_colours(0, 100)), journal.switched(_colours(100, 0))) == (True, None)


def test_a_journal_knows_when_a_version_met_users(tmp_path: Path) -> None:
    """With its first share; a larger one, a way back and another try change nothing; another candidate does."""
    journal = Journal(tmp_path / "own.jsonl")
    assert journal.released() is None
    first = _entry(Phase.DONE, step=Step.ADVANCE)
    for step in (Step.PREPARE, Step.ADVANCE, Step.ADVANCE, Step.ROLLBACK, Step.ADVANCE):
        later = dt.timedelta(minutes=len(journal.read()))
        journal.add(replace(first, step=step, time=first.time + later))
    assert journal.released() == first.time + dt.timedelta(minutes=1)
    journal.add(replace(first, step=Step.PREPARE))
    assert journal.released() is None


def test_without_git_nothing_is_committed(tmp_path: Path) -> None:
    """A checkout from an archive, on a machine without Git: the command goes on, and a commit is refused in words."""
    (tmp_path / "Pulumi.test.yaml").write_text("config: {}\n")
    place = Place(stack="test", service="own", project=tmp_path, environment={"PATH": str(tmp_path)})
    assert git.committed(place) is None
    with pytest.raises(RolloutError, match="git is not on PATH"):
        git.commit(place, "release", "message")


def _urn(types: str, name: str) -> str:
    return f"urn:pulumi:test::inferstack::{types}::{name}"


STACK = _urn("pulumi:pulumi:Stack", "inferstack-test")
RELEASE = _urn("inferstack:kubernetes:ServiceRelease", "own")
IMAGE = _urn("inferstack:images:BuiltImage", "own-0.2.0")
OTHER = _urn("inferstack:kubernetes:ServiceRelease", "own-too")
# As the engine names it: only the types of what it belongs to are in it, and not whose it is.
ROUTE = _urn("inferstack:kubernetes:ServiceRelease$kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "own")
OTHERS_ROUTE = _urn("inferstack:kubernetes:ServiceRelease$kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "own-too")


def test_a_services_resources_are_told_from_anothers() -> None:
    """By what they belong to; a service whose name begins alike, and the images of another, are not among them."""
    resources = [
        Planned(urn=STACK, parent="", change="update"),
        Planned(urn=RELEASE, parent=STACK, change="same"),
        Planned(urn=ROUTE, parent=RELEASE, change="update"),
        Planned(urn=OTHER, parent=STACK, change="same"),
        Planned(urn=OTHERS_ROUTE, parent=OTHER, change="update", keys=("spec",)),
        Planned(urn=IMAGE, parent=STACK, change="create"),
        Planned(urn=_urn("inferstack:images:BuiltImage", "own-too-0.2.0"), parent=STACK, change="create"),
    ]
    own = confined.own(resources, service="own", images=["own-0.2.0"])
    assert own == {RELEASE, ROUTE, IMAGE}
    assert confined.route(own, service="own") == ROUTE
    assert [each.name for each in confined.beside(resources, own)] == ["HTTPRoute own-too", "BuiltImage own-too-0.2.0"]
    assert [each.urn for each in confined.changed(resources, own)] == [ROUTE, IMAGE]
