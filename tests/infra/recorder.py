"""Runs components against Pulumi's mocks and records what they declare."""

# Pulumi's mocks are half typed.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime import test as pulumi_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi.runtime import MockCallArgs, MockResourceArgs

DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource as the engine would see it."""

    type: str
    name: str
    inputs: dict[str, Any]


class _Recorder(Mocks):
    def __init__(self) -> None:
        self.declared = list[Declared]()

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs: dict[str, Any] = args.inputs
        self.declared.append(Declared(type=args.typ, name=args.name, inputs=inputs))
        computed = {"digest": DIGEST} if args.typ == "docker-build:index:Image" else {}
        return f"{args.name}-id", {**inputs, **computed}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls no function of a provider, but called {args.token}")


def record(program: Callable[[], None]) -> list[Declared]:
    """Run a program against mocks.

    Returns:
        What it declared, components included, in the order of registration.
    """
    recorder = _Recorder()
    set_mocks(recorder, project="inferstack", stack="local")

    @pulumi_test
    def run() -> pulumi.Output[None]:
        program()
        return pulumi.Output.from_input(None)

    run()
    return recorder.declared
