"""A resource's arguments with the values that Terraform gave to the references in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from tests.contracts.terraform.values import REFERENCE, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# tolist() is for Terraform, which has no indices on sets; the state has lists only.
EXPRESSION = re.compile(r"(?P<address>aws_\w+\.[\w-]+)(?P<path>.*)")
STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class UnresolvedError(LookupError):
    """A reference to what is not in the state."""


def instances(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The state's resources by address, each as Terraform keeps it."""
    return {f"{each['type']}.{each['name']}": each for each in state["resources"] if each["mode"] == "managed"}


def resolve(value: Any, known: Mapping[str, Mapping[str, Any]]) -> Any:  # noqa: ANN401  # JSON
    """Replace the references in a value.

    Args:
        value: of an argument, in Terraform's JSON syntax.
        known: the result of :func:`instances`.

    Raises:
        UnresolvedError: a reference leads to what is not there.
    """
    if isinstance(value, str):
        if REFERENCE.fullmatch(value):
            return _look_up(value[2:-1], known)
        return REFERENCE.sub(lambda match: str(_look_up(match[0][2:-1], known)), value)
    if isinstance(value, list):
        return [resolve(each, known) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: resolve(each, known) for name, each in cast("dict[str, Any]", value).items()}
    return value


def _look_up(expression: str, known: Mapping[str, Mapping[str, Any]]) -> Any:  # noqa: ANN401  # JSON
    match = EXPRESSION.fullmatch(expression.replace("tolist(", "").replace(")", ""))
    if match is None or match["address"] not in known:
        raise UnresolvedError(expression)
    found: Any = known[match["address"]]["instances"][0]["attributes"]
    for name, index in STEP.findall(match["path"]):
        try:
            found = found[name] if name else found[int(index)]
        except (LookupError, TypeError):
            raise UnresolvedError(expression) from None
    return literal(found)
