"""The text of a stack file, changed in the slots of one service alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings import BlueGreenRelease, CanaryRelease, Slot, parse_text
from rollout import stack_file
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from infra.releases import Release

OTHER = "{version: 9.9.9, replicas: 1, weight: 100}"
ONE = "{version: 0.1.0, replicas: 1, weight: 100}"
SOURCE = Path("Pulumi.test.yaml")
CHECKOUT = Path(__file__).parents[2]
SLOTS = st.builds(
    Slot,
    version=st.sampled_from(["0.1.0", "1.10.2-rc.1", "2.0.0"]),
    replicas=st.integers(1, 100),
    weight=st.integers(0, 100),
)
CANARIES = st.builds(CanaryRelease, strategy=st.just("canary"), stable=SLOTS, candidate=st.none() | SLOTS)
COLOURS = (
    st.tuples(st.none() | SLOTS, st.none() | SLOTS)
    .filter(any)
    .map(lambda both: BlueGreenRelease(strategy="blue_green", blue=both[0], green=both[1]))
)
COMMENTS = st.sampled_from(["", "  # why", "   #: {x} - 'y'"])


@st.composite
def written(draw: st.DrawFn, release: Release, indent: str, newline: str) -> str:
    """A release as some person may write it: quotes, comments, order, block or flow."""
    lines = [f"strategy: {release.strategy}{draw(COMMENTS)}"]
    for name, slot in release.slots():
        quote = draw(st.sampled_from(["", '"', "'"]))
        keys = draw(
            st.permutations(
                [f"version: {quote}{slot.version}{quote}", f"replicas: {slot.replicas}", f"weight: {slot.weight}"]
            )
        )
        if draw(st.booleans()):
            lines.append(f"{name}: {{{', '.join(keys)}}}{draw(COMMENTS)}")
        else:
            lines.append(f"{name}:{draw(COMMENTS)}")
            for key in keys:
                lines.extend([f"  {key}{draw(COMMENTS)}", *(["", "  # between"] if draw(st.booleans()) else [])])
    if draw(st.booleans()):
        lines.append(f"pause_minutes: 5{draw(COMMENTS)}")
    return newline.join(f"{indent}{line}" if line else "" for line in lines) + newline


def _file(releases: str, newline: str) -> str:
    lines = [
        "# A stack, by a person.",
        "encryptionsalt: v1:abc",
        "config:",
        "  other:key: [1, {a: b}]",
        "  inferstack:services:",
    ]
    return newline.join(lines) + newline + releases


@settings(max_examples=40)  # each reads some YAML four times
@given(st.data(), st.sampled_from(["\n", "\r\n"]))
def test_all_else_stays_byte_for_byte(data: st.DataObject, newline: str) -> None:
    """What a person wrote around the slots is there as before, and the slots are as wanted."""
    kind = data.draw(st.sampled_from([CANARIES, COLOURS]))
    before, after = data.draw(kind), data.draw(kind)
    other = ["- name: other  # first", "  release:", "    strategy: canary", f"    stable: {OTHER}"]
    head = "".join(f"    {line}{newline}" for line in other)
    own = f"    - name: own{newline}      release:  # of own{newline}"
    tail = f"  # the end{newline}  third:key: 'x'{newline}"
    text = _file(head + own, newline) + data.draw(written(before, "        ", newline)) + tail
    changed = stack_file.with_release(text, service="own", release=after, source=SOURCE)
    assert changed.startswith(_file(head + own, newline))
    assert changed.endswith(tail)
    # What is no line of a slot is there, in its order.
    assert [line for line in text.splitlines() if "pause_minutes" in line or "strategy" in line] == [
        line for line in changed.splitlines() if "pause_minutes" in line or "strategy" in line
    ]
    assert ("\r\n" in changed) == (newline == "\r\n")
    assert changed.count("\n") == changed.count(newline)


@settings(max_examples=20)  # as above
@given(st.data())
def test_there_and_back_is_the_same_file(data: st.DataObject) -> None:
    """Weights and versions that change and change back leave no trace."""
    before = data.draw(CANARIES)
    other = data.draw(CANARIES)
    if (before.candidate is None) != (other.candidate is None):
        other = other.model_copy(update={"candidate": before.candidate})
    text = _file("    - name: own\n      release:\n", "\n") + data.draw(written(before, "        ", "\n"))
    there = stack_file.with_release(text, service="own", release=other, source=SOURCE)
    assert stack_file.with_release(there, service="own", release=before, source=SOURCE) == text


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "prod"])
def test_a_candidate_comes_and_goes_in_this_repositorys_stack_files(stack: str) -> None:
    """Only the lines of the slot that comes are new, and when it goes the file is as before."""
    source = CHECKOUT / f"Pulumi.{stack}.yaml"
    text = source.read_text()
    service = parse_text(text, source=source).services[0]
    names = service.release.slot_names
    filled = dict(service.release.slots())
    free = next((name for name in names if name not in filled), None)
    assert free is not None, "this stack file is in the middle of a release"
    slot = Slot(version="9.9.9", replicas=next(iter(filled.values())).replicas, weight=0)
    release = service.release.model_copy(update={free: slot})
    changed = stack_file.with_release(text, service=service.name, release=release, source=source)
    patch = stack_file.difference(text, changed, name=source.name)
    assert [line[1:].split() for line in patch.splitlines() if line.startswith("+") and not line.startswith("+++")] == [
        [f"{free}:"],
        ["version:", "9.9.9"],
        ["replicas:", str(slot.replicas)],
        ["weight:", "0"],
    ]
    assert not [line for line in patch.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert stack_file.with_release(changed, service=service.name, release=service.release, source=source) == text


def test_what_cannot_be_changed_alone_is_refused() -> None:
    """A slot that is an alias stands in two places; the line is named, and what is wanted."""
    text = _file(
        "    - name: other\n      release: {strategy: canary, stable: &slot "
        f"{ONE}}}\n"
        "    - name: own\n      release:\n        strategy: canary\n        stable: *slot\n",
        "\n",
    )
    release = CanaryRelease(strategy="canary", stable=Slot(version="0.2.0", replicas=1, weight=100))
    with pytest.raises(RolloutError, match=r"Pulumi\.test\.yaml:10: the slots of own .*without anchors"):
        stack_file.with_release(text, service="own", release=release, source=SOURCE)


def test_a_flow_mapping_gets_and_loses_a_slot() -> None:
    """A release on one line stays on one line."""
    one = f"    - name: own\n      release: {{strategy: canary, stable: {ONE}}}  # short\n"
    text = _file(one, "\n")
    release = CanaryRelease(
        strategy="canary",
        stable=Slot(version="0.1.0", replicas=1, weight=100),
        candidate=Slot(version="0.2.0", replicas=1, weight=0),
    )
    changed = stack_file.with_release(text, service="own", release=release, source=SOURCE)
    assert changed == text.replace("}}", "}, candidate: {version: 0.2.0, replicas: 1, weight: 0}}")
    without = release.model_copy(update={"candidate": None})
    assert stack_file.with_release(changed, service="own", release=without, source=SOURCE) == text


def test_a_file_without_a_last_line_end_gets_a_slot() -> None:
    """The new slot does not run into the last line."""
    text = _file(
        f"    - name: own\n      release:\n        strategy: canary\n        stable: {ONE}",
        "\n",
    )
    release = CanaryRelease(
        strategy="canary",
        stable=Slot(version="0.1.0", replicas=1, weight=100),
        candidate=Slot(version="0.2.0", replicas=1, weight=0),
    )
    changed = stack_file.with_release(text, service="own", release=release, source=SOURCE)
    assert changed == text + "\n        candidate: {version: 0.2.0, replicas: 1, weight: 0}"
