"""Values other than the present one, of the same kind: what a change of an argument is tried with."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contracts.terraform.schema import Type

CIDR = re.compile(r"\d+\.\d+\.\d+\.\d+/\d+")
ENUMERATION = re.compile(r"\[([^\[\]]*)\]")


def others(value: Any, type_: Type, name: str) -> Iterator[Any]:  # noqa: ANN401  # JSON
    """Guess other values, the likeliest first.

    Args:
        value: the present one; None if there is none.
        type_: as the provider's schema writes it.
        name: the argument's, which tells what a value looks like where there is none.
    """
    if isinstance(type_, list) and type_[0] in {"list", "set"}:
        items = cast("list[Any]", value or [])
        first = items[0] if items else None
        yield from ([other, *items[1:]] for other in others(first, type_[1], name))
    elif isinstance(type_, list) and type_[0] == "map":
        yield {**cast("dict[str, Any]", value or {}), "other": "other"}
    elif type_ == "bool":
        yield not value
    elif type_ == "number":
        yield from ((value or 0) + 1, (value or 0) - 1, (value or 0) + 10)
    elif isinstance(value, str) and value:
        yield from _like(value)
    elif type_ == "string":
        yield from _named(name)


def allowed(refusal: str, present: Any, type_: Type) -> Iterator[Any]:  # noqa: ANN401  # JSON
    """Other values, out of a sentence that lists the allowed ones: ``one of ["ACCEPT" "ALL"], got x``.

    Args:
        refusal: the sentence.
        present: the value that the argument has before the change.
        type_: as the provider's schema writes it.
    """
    listed = [word for each in ENUMERATION.findall(refusal) for word in re.findall(r'"[^"]+"|\w+', each)]
    values: list[Any] = (
        [int(word) for word in listed if word.isdigit()] if type_ == "number" else [word.strip('"') for word in listed]
    )
    if isinstance(type_, list) and type_[0] in {"list", "set"}:
        values = [[value] for value in values]
    yield from (value for value in values if value != present)


def _like(value: str) -> Iterator[str]:
    if value.startswith("{"):
        yield _other_document(json.loads(value))
        return
    if value in {"true", "false"}:
        yield "false" if value == "true" else "true"
    if CIDR.fullmatch(value):
        yield "10.99.0.0/24"
    if value.isdigit():
        yield str(int(value) + 1)
    # The last letter or digit of an id or an ARN.
    if re.search(r"[0-9a-f]$", value):
        yield value[:-1] + ("0" if value[-1] != "0" else "1")
    yield f"{value}x"


def _named(name: str) -> Iterator[str]:
    if name.endswith(("arn", "role", "kms_key_id")):
        yield "arn:aws:iam::111122223333:role/other"
    if "cidr" in name:
        yield from ("10.99.0.0/24", "2001:db8:99::/64")
    if "owner" in name or "account" in name:
        yield "444455556666"
    if name.endswith("_id"):
        yield "other-0123456789abcdef0"
    yield from ("other", "1")


def _other_document(document: dict[str, Any]) -> str:
    """Another policy of IAM, of the life of images, or another pattern of events."""
    if "Statement" in document:
        document["Statement"][0]["Sid"] = "Other"
    elif "rules" in document:
        document["rules"][0]["description"] = "Other"
    else:
        document["source"] = ["other"]
    return json.dumps(document)
