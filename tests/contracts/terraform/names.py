"""Pulumi's names and Terraform's: what the bridge between them does, undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# ec2/vpc:Vpc -> ec2, Vpc
TOKEN = re.compile(r"aws:(?P<module>\w+)/\w+:(?P<name>\w+)")


class UnknownTypeError(LookupError):
    """A Pulumi type that no Terraform type corresponds to by name; facts.toml can name one."""


def snake(name: str) -> str:
    """``enableDnsHostnames`` -> ``enable_dns_hostnames``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def spellings(names: Iterable[str]) -> dict[str, str]:
    """Terraform's names by what they look like without underscores and capitals, in the singular and the plural.

    The bridge writes ``availability_zone`` as ``availabilityZone``, and names that hold several values in the plural.
    What a name is in the singular wins over what another is in the plural.
    """
    known = list(names)
    return {_plural(_flat(name)): name for name in known} | {_flat(name): name for name in known}


def terraform_type(token: str, types: frozenset[str], exceptions: Mapping[str, str]) -> str:
    """The Terraform type of a Pulumi type.

    Args:
        token: Pulumi's, for example ``aws:ec2/vpc:Vpc``.
        types: the provider's.
        exceptions: Terraform types by token, where the name does not tell.

    Raises:
        UnknownTypeError: neither the name nor the exceptions tell.
    """
    if token in exceptions:
        return exceptions[token]
    match = TOKEN.fullmatch(token)
    if match:
        flat = {_flat(name): name for name in types}
        for guess in (f"aws{match['module']}{match['name']}", f"aws{match['name']}"):
            if _flat(guess) in flat:
                return flat[_flat(guess)]
    raise UnknownTypeError(f"{token}: no type of the Terraform provider is named like it; name it in facts.toml")


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


def _plural(name: str) -> str:
    if re.search(r"[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search(r"(s|x|ch|sh)$", name) else f"{name}s"
