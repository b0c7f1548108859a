"""What no build has proven, nobody may be sent to: a receipt says which model a version is and how good it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from policies.node import UNKNOWN, Node
from policies.release import COMPONENT
from policies.rule import Expectation, Resource, ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _check(resource: Resource) -> Iterator[Expectation]:
    slots = resource.node["wanted"]["slots"]
    for _, slot in slots.entries():
        yield _expectation(resource, slot["version"])
    yield Expectation(
        holds=slots.test(lambda value: isinstance(value, dict) and len(value) > 0),  # pyright: ignore[reportUnknownArgumentType]  # of whatever
        subject=slots.path,
        must="name the versions",
        found=slots.show(),
    )


def _expectation(resource: Resource, version: Node) -> Expectation:
    name = version.value if isinstance(version.value, str) else ""
    receipt = resource.node["receipts"][name] if version.value is not UNKNOWN else Node(UNKNOWN)
    facts = Node({"version": version.value, "service": resource.node["service"].value, "receipt": receipt.value})
    return Expectation(
        holds=facts.test(_describes),
        subject=version.path,
        must="have a receipt in the catalogue, of this service and version, with the digest of its model",
        found=version.show(),
    )


def _describes(value: object) -> bool:
    facts = cast("dict[str, Any]", value)
    match facts["receipt"]:
        case {"service": str(service), "version": str(version), "model_digest": str(digest)}:
            same = (service, version) == (facts["service"], facts["version"])
            return same and _DIGEST.fullmatch(digest) is not None
        case _:
            return False


RULE = ResourceRule(
    name="release-receipt",
    title="Every version of a release has a receipt of its build.",
    remedy="build the version with `python -m model_build build` and commit its receipt",
    applies=lambda token: token == COMPONENT,
    check=_check,
)
