"""A configuration as moto can take it: what is applied, after the program's own was validated and planned."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contracts.terraform.facts import Facts

FIRST = re.compile(r"FIRST\.(aws_\w+)")


def adapt(document: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """Fill in what moto leaves out, and take away what keeps a stack from being destroyed.

    Args:
        document: the result of :func:`tests.contracts.terraform.translation.configuration`.
        facts: what is known of moto.
    """
    resources: dict[str, dict[str, Any]] = json.loads(_filled(json.dumps(document["resource"]), document, facts))
    for type_, labels in resources.items():
        for body in labels.values():
            body.update(facts.to_destroy.get(type_, {}))
            if "depends_on" in body:
                body["depends_on"] = sorted(_there(body["depends_on"], resources, facts))
    return {"resource": resources}


def _filled(text: str, document: Mapping[str, Any], facts: Facts) -> str:
    def first(match: re.Match[str]) -> str:
        return f"{match[1]}.{next(iter(document['resource'][match[1]]))}"

    for each in facts.moto_leaves_out:
        type_, _, path = each.output.partition(".")
        reference = re.compile(rf"\$\{{{type_}\.[\w-]+\.{re.escape(path)}\}}")
        if reference.search(text):
            text = reference.sub(FIRST.sub(first, each.instead), text)
    return text


def _there(addresses: list[str], resources: Mapping[str, Mapping[str, Any]], facts: Facts) -> set[str]:
    """What comes first: in the place of what moto cannot create, what comes before that."""
    found = set[str]()
    for address in addresses:
        type_, _, label = address.partition(".")
        if type_ in facts.moto_lacks:
            found |= _there(resources[type_][label].get("depends_on", []), resources, facts)
        else:
            found.add(address)
    return found
