"""One run of all stacks, on which the tests of this folder agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contracts.terraform import contract, facts, mirror, replacing, stacks
from tests.contracts.terraform.schema import Schema
from tests.contracts.terraform.terraform import Terraform
from tests.contracts.terraform.world import Clouds, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.contracts.terraform.contract import Outcome
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.mirror import Installation
    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.replacing import Verdicts


@pytest.fixture(scope="session")
def known() -> Facts:
    """What facts.toml says."""
    return facts.read()


@pytest.fixture(scope="session")
def installation() -> Installation:
    """Terraform and the provider; without them there is nothing to check."""
    try:
        return mirror.find()
    except mirror.NotInstalledError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def schema(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """What the provider says of its resources."""
    terraform = Terraform(installation, tmp_path_factory.mktemp("schema"))
    terraform.init()
    return Schema(terraform.schema())


@pytest.fixture(scope="session")
def programs(schema: Schema, known: Facts) -> Sequence[Program]:
    """The stacks, recorded."""
    return [stacks.program(stack, schema=schema, facts=known) for stack in stacks.STACKS]


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """A moto for each stack."""
    running = Clouds({stack: stacks.account(stack) for stack in stacks.STACKS}, tmp_path_factory.mktemp("clouds"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def world(
    programs: Sequence[Program], schema: Schema, known: Facts, clouds: Clouds, installation: Installation
) -> World:
    """What a run needs."""
    return World(programs=programs, schema=schema, facts=known, clouds=clouds, installation=installation)


@pytest.fixture(scope="session")
def outcome(world: World, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The stacks validated, planned, applied, planned again and destroyed."""
    return contract.run(world, tmp_path_factory.mktemp("stacks"))


@pytest.fixture(scope="session")
def verdicts(world: World, outcome: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Which changes of arguments replace, as the provider says of what was applied."""
    return replacing.judge(world, outcome.state, tmp_path_factory.mktemp("replacing"))
