"""Making a resource's id and outputs from its inputs and the table."""

from collections.abc import Callable, Mapping

from rehearsal.standin.table import Spec
from rehearsal.standin.templates import letters, render
from rehearsal.standin.values import UNKNOWN, Properties, Secret, Value, unwrap
from rehearsal.standin.words import Scope, at

Extra = Callable[[Scope], Mapping[str, Value]]


def identifier(spec: Spec, scope: Scope) -> str:
    """Return the id of a resource that is being created; the same for the same URN, new when it replaces another."""
    before = scope.memory.replaced.get(scope.urn, "")
    return str(unwrap(render(spec.id, scope.lookup, f"{scope.urn}#{before}")))


def outputs(spec: Spec, scope: Scope, *, creating: bool) -> Properties:
    """Return the properties of a resource: what was given, then what the cloud would add.

    While a preview creates, all that the cloud adds is unknown; while it updates, what depends on unknown inputs.
    """
    made = scope.properties
    hidden = creating and scope.preview
    extra = EXTRAS.get(spec.token, lambda _: {})
    for path, template in spec.outputs.items():
        _put(made, path, lambda t=template, p=path: UNKNOWN if hidden else render(t, scope.lookup, f"{scope.id}.{p}"))
    for path, value in extra(scope).items():
        _put(made, path, lambda v=value: UNKNOWN if hidden else v)
    return made


def mark_secrets(properties: Properties, names: frozenset[str]) -> Properties:
    """Return the properties with the named ones secret."""
    return {
        name: Secret(value) if name in names and value is not None and not isinstance(value, Secret) else value
        for name, value in properties.items()
    }


def _put(properties: Properties, path: str, value: Callable[[], Value]) -> None:
    """Put a value where there is none yet; a whole unknown or secret object is left alone."""
    name, _, inner = path.partition(".")
    there = properties.get(name)
    if not inner:
        if there is None:
            properties[name] = value()
    elif there is None:
        made = value()
        properties[name] = UNKNOWN if made is UNKNOWN else {inner: made}
    elif isinstance(there, Mapping):
        copy = dict(there)
        _put(copy, inner, value)
        properties[name] = copy


def _database(scope: Scope) -> Mapping[str, Value]:
    """The password that AWS manages lives in a secret of its own; the program learns its ARN alone."""
    if unwrap(at(scope.properties, "manageMasterUserPassword")) is not True:
        return {"masterUserSecrets": []}
    cloud, seed = scope.cloud, f"{scope.urn}.secret"
    arn = (
        f"arn:{cloud.partition}:secretsmanager:{unwrap(scope.lookup('region'))}:{cloud.told.account}"
        f":secret:rds!db-{letters('hex', 8, seed)}-{letters('mixed', 6, seed)}"
    )
    key = at(scope.properties, "masterUserSecretKmsKeyId")
    return {"masterUserSecrets": [{"kmsKeyId": key, "secretArn": arn, "secretStatus": "active"}]}


def _certificate(scope: Scope) -> Mapping[str, Value]:
    """One DNS record per name proves that the names are ours."""
    others = unwrap(at(scope.properties, "subjectAlternativeNames"))
    given = [at(scope.properties, "domainName"), *(others if isinstance(others, list | tuple) else [])]
    options: list[Value] = []
    for name in dict.fromkeys(str(unwrap(name)) for name in given if unwrap(name) is not UNKNOWN):
        bare, seed = name.removeprefix("*."), f"{scope.urn}.{name}"
        options.append(
            {
                "domainName": name,
                "resourceRecordName": f"_{letters('hex', 32, seed)}.{bare}.",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": f"_{letters('hex', 32, seed + 'value')}.acm-validations.aws.",
            }
        )
    return {"domainValidationOptions": options}


EXTRAS: Mapping[str, Extra] = {
    "aws:rds/instance:Instance": _database,
    "aws:acm/certificate:Certificate": _certificate,
}
"""Outputs that a template cannot say, by type."""
