"""What is not known yet never passes in silence, and never fails by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from policies.__main__ import RULES
from policies.node import UNKNOWN, Secret
from policies.rule import Resource, ResourceRule, StackRule, Verdict
from tests.policies.samples import Sample, all_samples, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST: Final = f"registry.example/a@sha256:{'0' * 64}"
# What an unknown value may turn out to be: enough for each rule to be met and to be broken. The lists and mappings
# at the end hold names and values under which a rule looks.
OUTCOMES: Final[list[object]] = yaml.safe_load(f"""
- null
- ""
- x
- ALL
- inferstack
- hunter2:latest
- {DIGEST}
- 100m
- "-----BEGIN PRIVATE KEY-----"
- NoExecute
- https://reader:hunter2@index.example/
- docker-image://python:3
- In
- 0
- 1
- 100
- -1
- 0.5
- true
- false
- []
- [x]
- [ALL]
- [{{}}]
- {{}}
- {{a: b}}
- {{requests.cpu: "1"}}
- {{hostPath: {{}}, hostPort: 80, privileged: true, name: PASSWORD, value: x, weight: -1, key: k}}
- [{{hostPath: {{}}, hostPort: 80, name: PASSWORD, value: x, weight: -1, key: k, image: x}}]
- {{BASE_IMAGE: x, PASSWORD: x, a: {{location: "docker-image://x"}}, nvidia.com/gpu: 7}}
""")


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401  plain data
    if path:
        yield path
    if isinstance(value, dict):
        for key, child in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _places(child, (*path, key))  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for index, child in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from _places(child, (*path, index))


def _with(value: Any, path: tuple[str | int, ...], new: object) -> Any:  # noqa: ANN401  plain data
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


def _variants(sample: Sample, new: object) -> Iterator[tuple[str, list[Resource]]]:
    """What is judged together, once for each place in it, with that place's value replaced."""
    resources = sample.resources()
    # A rule about one resource at a time needs no others beside it.
    alone = isinstance(sample.rule, ResourceRule)
    for position, resource in enumerate(resources):
        before, after = ([], []) if alone else (resources[:position], resources[position + 1 :])
        for path in _places(resource.properties):
            changed = Resource(type=resource.type, name=resource.name, properties=_with(resource.properties, path, new))
            yield f"{resource.name}{list(path)}", [*before, changed, *after]


def _says(sample: Sample, new: object) -> dict[str, Verdict | None]:
    return {place: verdict(sample.rule, resources) for place, resources in _variants(sample, new)}


@pytest.mark.parametrize("sample", all_samples("allowed", "disallowed"), ids=str)
def test_an_unknown_is_undecided_exactly_where_its_outcome_matters(sample: Sample) -> None:
    """An unknown at any place never passes what an outcome would fail, and never fails what one would pass."""
    outcomes = [_says(sample, outcome) for outcome in (*OUTCOMES, Secret("x"))]
    original = verdict(sample.rule, sample.resources())
    for place, said in _says(sample, UNKNOWN).items():
        possible = {outcome[place] for outcome in outcomes} | {original}
        if Verdict.FAIL in possible:
            assert said is not Verdict.PASS, f"{place} unknown passes, though it may turn out to fail"
            assert said is not None, f"{place} unknown is not looked at, though it may turn out to fail"
        if possible - {Verdict.FAIL}:
            assert said is not Verdict.FAIL, f"{place} unknown fails, though it may turn out to pass"


@pytest.mark.parametrize("sample", all_samples("allowed"), ids=str)
def test_an_unknown_that_no_rule_reads_leaves_the_verdict(sample: Sample) -> None:
    """An annotation that is not known yet makes nothing undecided."""
    resources = [
        Resource(
            type=item.type,
            name=item.name,
            properties=_with(item.properties, ("status",), UNKNOWN)
            if "status" in _keys(item)
            else {**_keys(item), "status": UNKNOWN},
        )
        for item in sample.resources()
    ]
    assert verdict(sample.rule, resources) == verdict(sample.rule, sample.resources())


@pytest.mark.parametrize("rule", [rule for rule in RULES if isinstance(rule, ResourceRule)], ids=lambda rule: rule.name)
def test_a_resource_of_which_nothing_is_known_is_undecided(rule: ResourceRule) -> None:
    """Where the provider cannot say anything yet, nor can the rule."""
    types = {item.type for sample in all_samples("allowed") if sample.rule is rule for item in sample.resources()}
    for token in types:
        resource = Resource(type=token, name="new", properties=UNKNOWN)
        assert verdict(rule, [resource]) is Verdict.UNDECIDED


@pytest.mark.parametrize("rule", [rule for rule in RULES if isinstance(rule, StackRule)], ids=lambda rule: rule.name)
def test_a_stack_of_which_nothing_is_known_is_undecided(rule: StackRule) -> None:
    """As above, for rules about a whole stack: before the cluster is there, outputs are empty."""
    sample = next(sample for sample in all_samples("allowed") if sample.rule is rule)
    resources = [Resource(type=item.type, name=item.name, properties=UNKNOWN) for item in sample.resources()]
    assert verdict(rule, resources) is Verdict.UNDECIDED


def _keys(resource: Resource) -> dict[str, Any]:
    assert isinstance(resource.properties, dict)
    return resource.properties  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_no_message_repeats_a_secret(sample: Sample) -> None:
    """Wherever a value is secret to Pulumi, no rule's message shows it."""
    for place, resources in _variants(sample, Secret("not-for-your-eyes")):
        messages = [finding.message() for finding in sample.rule.judge(resources)]
        assert not any("not-for-your-eyes" in message for message in messages), place
