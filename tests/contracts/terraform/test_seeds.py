"""What is wrong is refused: by the real provider, and by the stand-in of rehearsals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from rehearsal.standin.provider import Named, Provider
from rehearsal.standin.told import Told
from tests.contracts.terraform import seeds
from tests.contracts.terraform.translation import resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.world import World

pytestmark = [pytest.mark.contract, pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SEEDS = seeds.read()


@pytest.fixture(scope="module")
def refusals(world: World, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What the real provider said of each seed, by its label; all are sown beside prod, in one configuration."""
    prod = world.programs[-1]
    terraform = world.terraform(tmp_path_factory.mktemp("seeds"), providers=prod.providers)
    terraform.write(prod.stack, world.configuration(prod))
    for number, seed in enumerate(SEEDS):
        label = f"seed_{number:02}"
        declared = seed.sow(prod, label)
        terraform.write(label, {"resource": {declared.type: {label: resource(declared, world.schema, world.facts)}}})
    said = {each.file.removesuffix(".tf.json"): each.text for each in terraform.validate()}
    # What passes the first check must fail the second.
    for label in said:
        (terraform.folder / f"{label}.tf.json").unlink()
    said |= {each.file.removesuffix(".tf.json"): each.text for each in terraform.plan()}
    return said


def test_there_are_twenty_of_four_kinds() -> None:
    """Wrong names, wrong types, wrong enum values and missing arguments: five of each."""
    assert len(SEEDS) >= 20
    assert {kind: [seed.kind for seed in SEEDS].count(kind) for kind in {seed.kind for seed in SEEDS}} == dict.fromkeys(
        ("wrong name", "wrong type", "wrong enum value", "missing"), 5
    )


@pytest.mark.parametrize("number", range(len(SEEDS)), ids=map(str, SEEDS))
def test_the_real_provider_refuses_it(refusals: Mapping[str, str], number: int) -> None:
    """Validation or planning ends with a sentence about that very resource."""
    assert f"seed_{number:02}" in refusals


def test_the_real_provider_refuses_nothing_else(refusals: Mapping[str, str]) -> None:
    """What is right beside the seeds passes."""
    assert set(refusals) <= {f"seed_{number:02}" for number in range(len(SEEDS))}


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_the_stand_in_refuses_it(seed: seeds.Seed, programs: Sequence[Program], tmp_path: Path) -> None:
    """A rehearsal says no where the real provider does; without the mistake it says yes."""
    provider = Provider(
        "aws", Told(account="333333333333", endpoint="", certificate_authority="", node_groups=tmp_path)
    )
    provider.configure({"region": "eu-central-1"})
    right = next(each for each in programs[-1].resources if each.token == seed.type)
    named = Named(urn=f"urn:pulumi:prod::inferstack::{seed.type}::seed", token=seed.type)
    for inputs, refused in ((right.inputs, False), (seed.sow(programs[-1], "seed").inputs, True)):
        _, failures = provider.check(named, None, _whole(inputs))
        assert bool(failures) is refused, failures


def _whole(value: Any) -> Any:  # noqa: ANN401  # JSON
    """Whole numbers as such: the mocks make a floating-point number of each."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in cast("dict[str, Any]", value).items()}
    return value
