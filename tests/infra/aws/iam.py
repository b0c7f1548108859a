"""What IAM would say: enough of its evaluation for the policies of this project."""

from __future__ import annotations

import json
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _same(actual: str, expected: str) -> bool:
    return actual == expected


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": fnmatchcase,
    "ArnLike": fnmatchcase,
    "Bool": _same,
    "DateLessThan": lambda actual, expected: datetime.fromisoformat(actual) < datetime.fromisoformat(expected),
    "NumericLessThan": lambda actual, expected: float(actual) < float(expected),
    "StringEquals": _same,
    "StringLike": fnmatchcase,
}


def allows(
    *policies: str,
    action: str,
    resource: str = "*",
    principal: str | None = None,
    context: Mapping[str, str | list[str]] | None = None,
) -> bool:
    """Whether those policies of one identity allow an action.

    Args:
        policies: documents, in JSON.
        action: for example ``s3:GetObject``.
        resource: an ARN.
        principal: for resource policies and trust policies: the ARN or service that asks.
        context: condition keys; one that is not given is absent.
    """
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in json.loads(policy)["Statement"]
        if _applies(statement, action=action, resource=resource, principal=principal, keys=context or {})
    }
    return effects == {"Allow"}


def _applies(
    statement: Mapping[str, Any], *, action: str, resource: str, principal: str | None, keys: Mapping[str, Any]
) -> bool:
    if "Action" in statement:
        acts = any(fnmatchcase(action.lower(), each.lower()) for each in _list(statement["Action"]))
    else:
        acts = not any(fnmatchcase(action.lower(), each.lower()) for each in _list(statement["NotAction"]))
    about = "Resource" not in statement or any(fnmatchcase(resource, each) for each in _list(statement["Resource"]))
    whose = "Principal" not in statement or any(
        each in ("*", principal) for values in statement["Principal"].values() for each in _list(values)
    )
    return (
        acts
        and about
        and whose
        and all(
            _holds(operator, keys.get(key), _list(expected))
            for operator, conditions in statement.get("Condition", {}).items()
            for key, expected in conditions.items()
        )
    )


def _holds(operator: str, actual: str | list[str] | None, expected: list[str]) -> bool:
    quantifier, _, name = operator.rpartition(":")
    matches = _OPERATORS[name]
    values = [] if actual is None else _list(actual)
    fit = [any(matches(value, each) for each in expected) for value in values]
    # A key that is absent matches "for all", and nothing else.
    return all(fit) if quantifier == "ForAllValues" else any(fit)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
