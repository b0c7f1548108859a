"""All steps, in order: made where they are missing, or only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from infra.bootstrap import secrets_key, state_bucket
from infra.bootstrap.account import explained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.bootstrap.account import Account
    from infra.bootstrap.steps import Step

State = Literal["there", "made", "missing"]


def steps() -> tuple[Step, ...]:
    """Everything that a stack needs: the key first, as the bucket is encrypted with it."""
    return (*secrets_key.steps(), *state_bucket.steps())


def apply(account: Account) -> Iterator[tuple[str, State]]:
    """Make what is missing.

    Yields:
        Each step's name, and whether it was there or was made.

    Raises:
        SettingsError: AWS refused; what was made by then stays, and the next run goes on from there.
    """
    for step in steps():
        with explained(account.target):
            if step.done(account):
                yield step.name, "there"
                continue
            step.make(account)
        yield step.name, "made"


def check(account: Account) -> Iterator[tuple[str, State]]:
    """Look at what is there, and change nothing.

    Yields:
        Each step's name, and whether it is there. What is on or in a missing thing is missing too.

    Raises:
        SettingsError: AWS refused to answer.
    """
    absent = set[str]()
    for step in steps():
        thing = step.name.partition(":")[0]
        with explained(account.target):
            there = thing not in absent and step.done(account)
        if not there and step.name == thing:
            absent.add(thing)
        yield step.name, "there" if there else "missing"
