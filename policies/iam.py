"""Policy documents of IAM, as the rules about them read them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from policies.node import UNKNOWN, Node
from policies.truth import Truth, any_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def statements(document: Node) -> list[Node]:
    """The statements of a document, which is JSON or what JSON says; one of unknown content where it is not known.

    What is no policy document has none: AWS refuses it, and no rule need.
    """
    if document.value is UNKNOWN:
        return [Node(UNKNOWN, f"{document.path}.Statement[?]", secret=document.secret)]
    found = parsed(document)["Statement"]
    each = found.each() if isinstance(found.value, list) or found.value is UNKNOWN else one_or_many(found)
    return [Node(item.value, f"{found.path}[{_sid(item)}]", secret=item.secret) for item in each]


def parsed(document: Node) -> Node:
    """What a text of JSON says; anything else as it is."""
    if not isinstance(document.value, str):
        return document
    try:
        value: object = json.loads(document.value)
    except ValueError:
        value = None
    return Node(value, document.path, secret=document.secret)


def one_or_many(node: Node) -> list[Node]:
    """The elements of what IAM lets be one value or a list of them."""
    if isinstance(node.value, list):
        return node.each()
    return [] if node.value is None else [node]


def allows(statement: Node) -> Truth:
    """Whether it gives rights."""
    return statement["Effect"].equals("Allow")


def principals(statement: Node, kind: str) -> list[Node]:
    """Whom it is about, of a kind (``AWS``, ``Service``, ``Federated``); ``*`` alone is everybody of AWS."""
    principal = statement["Principal"]
    if principal.value == "*":
        return [principal] if kind == "AWS" else []
    return one_or_many(principal[kind])


def has_kind(statement: Node, kind: str) -> Truth:
    """Whether it is about somebody of a kind."""
    return any_of(each.test(bool) for each in principals(statement, kind))


def _sid(statement: Node) -> str:
    value = statement.value
    sid = cast("Mapping[str, object]", value).get("Sid") if isinstance(value, dict) else None
    return sid if isinstance(sid, str) else "?"
