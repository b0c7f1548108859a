"""The three stacks, each recorded from its own stack file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from infra import settings
from infra.stack import Stack
from tests.contracts.terraform.functions import Account
from tests.contracts.terraform.recording import Program, record

if TYPE_CHECKING:
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.schema import Schema

ROOT = Path(__file__).parents[3]
STACKS = ("dev", "staging", "prod")


def account(stack: str) -> Account:
    """Where a stack lives, as its file says."""
    aws = settings.read(stack, ROOT).aws
    assert aws is not None
    return Account(id=aws.account, region=aws.region, stack=stack)


def program(stack: str, *, schema: Schema, facts: Facts) -> Program:
    """What a stack declares of AWS."""
    return record(lambda: _declare(stack), account=account(stack), schema=schema, types=facts.types)


def _declare(stack: str) -> None:
    Stack(settings.read(stack, ROOT), environment=stack, root=ROOT)
