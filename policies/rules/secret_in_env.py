"""Whoever may read a Deployment, a process list or a crash report reads the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.rule import Expectation, Resource, ResourceRule
from policies.secret_patterns import in_clear
from policies.workloads import containers, is_workload

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def _check(resource: Resource) -> Iterator[Expectation]:
    if resource.type == _CONFIG_MAP:
        settings = resource.node["data"].entries()
    else:
        variables = [item for container in containers(resource) for item in container["env"].each()]
        settings = [(_name(item["name"].value), item["value"]) for item in variables]
    for name, value in settings:
        found = in_clear(name, value)
        yield Expectation(holds=found.harmless, subject=value.path, must="not be a secret in clear", found=found.what)


def _name(value: object) -> str | None:
    return value if isinstance(value, str) else None


RULE = ResourceRule(
    name="secret-in-env",
    title="No environment variable, nor a ConfigMap that may become one, holds a secret in clear.",
    remedy="mount the secret as a file and pass its path (NAME_FILE), or refer to it by `valueFrom.secretKeyRef`",
    applies=lambda token: is_workload(token) or token == _CONFIG_MAP,
    check=_check,
)
