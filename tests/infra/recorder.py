"""Runs components against Pulumi's mocks and records what they declare."""

# Pulumi's mocks are half typed.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime import test as pulumi_test

from infra.kubernetes import definitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


def write_definitions(folder: Path) -> None:
    """As Contour ships them: several documents a file, more kinds than are needed, most of it descriptions."""
    documents = [
        f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: {kind}.example.org\n"
        "spec:\n  versions:\n"
        "  - {name: v1, storage: true, schema: {description: long, properties: {description: {type: string}}}}\n"
        "  - {name: v1beta1, storage: false}\n"
        for kind in (*definitions.NEEDED, "udproutes")
    ]
    (folder / "crds.yaml").write_text("---\n".join(documents), encoding="utf-8")
