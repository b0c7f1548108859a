"""Rendering an IAM policy document, as the AWS provider's data source does it."""

import json
from collections.abc import Mapping, Sequence

from rehearsal.standin.values import Value

Statement = dict[str, object]

_LISTS = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}
_ORDER = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"]


def render(args: Mapping[str, Value]) -> tuple[str, str]:
    """Return the document indented by two spaces, and in one line.

    Source documents come first, then the statements, then the overriding documents; a statement replaces an earlier
    one with the same Sid.
    """
    statements: list[Statement] = []
    for text in _texts(args.get("sourcePolicyDocuments")):
        _merge(statements, _statements_of(text))
    _merge(statements, [_statement(entry) for entry in _objects(args.get("statements"))])
    for text in _texts(args.get("overridePolicyDocuments")):
        _merge(statements, _statements_of(text))
    document: dict[str, object] = {"Version": args.get("version") or "2012-10-17"}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    document["Statement"] = statements
    return json.dumps(document, indent=2), json.dumps(document, separators=(",", ":"))


def _merge(statements: list[Statement], added: Sequence[Statement]) -> None:
    for statement in added:
        sid = statement.get("Sid")
        same = next((index for index, other in enumerate(statements) if sid and other.get("Sid") == sid), None)
        if same is None:
            statements.append(statement)
        else:
            statements[same] = statement


def _statements_of(text: str) -> list[Statement]:
    found: Statement | list[Statement] = json.loads(text).get("Statement", [])
    return found if isinstance(found, list) else [found]


def _statement(given: Mapping[str, Value]) -> Statement:
    statement: Statement = {"Effect": given.get("effect") or "Allow"}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    for name, key in _LISTS.items():
        if given.get(name):
            statement[key] = _one_or_many(_texts(given[name]))
    for name, key in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        principals = _objects(given.get(name))
        if principals:
            statement[key] = _principals(principals)
    conditions: dict[str, dict[str, object]] = {}
    for condition in _objects(given.get("conditions")):
        test = conditions.setdefault(str(condition["test"]), {})
        test[str(condition["variable"])] = _one_or_many(_texts(condition["values"]))
    if conditions:
        statement["Condition"] = conditions
    return {key: statement[key] for key in _ORDER if key in statement}


def _principals(given: Sequence[Mapping[str, Value]]) -> object:
    by_type = {str(entry["type"]): _one_or_many(_texts(entry["identifiers"])) for entry in given}
    return "*" if by_type == {"*": "*"} else by_type


def _one_or_many(texts: Sequence[str]) -> object:
    """The provider writes one value alone, and several in falling order."""
    return texts[0] if len(texts) == 1 else sorted(texts, reverse=True)


def _objects(value: Value) -> list[Mapping[str, Value]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts(value: Value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
