"""Exemptions: what a rule lets pass by name, who answers for it, why, and until when.

An exemption is as narrow as can be: one rule, one resource, and each setting with the very value that it may have.
After its last day the rule fails as if it had never been there. `python -m policies list` shows them all.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from policies.rule import Expectation, Resource, ResourceRule, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_TEXTS: Final = ("rule", "resource", "owner", "reason")
_KEYS: Final = (*_TEXTS, "until", "allows")


class ExemptionError(Exception):
    """The list of exemptions cannot be used; the message says what is wrong with which."""


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """Settings of one resource that a rule lets pass.

    Attributes:
        rule: the rule's name.
        resource: type token and name in the program, with a space between.
        allows: the value that each setting may have, by its place as the rule's message says it.
        owner: who answers for it.
        reason: why there is no other way.
        until: its last day.
    """

    rule: str
    resource: str
    allows: dict[str, object]
    owner: str
    reason: str
    until: date

    def covers(self, resource: Resource, expectation: Expectation) -> bool:
        """Whether it is about this setting of this resource, and about the value that was found."""
        if self.resource != f"{resource.type} {resource.name}" or expectation.subject not in self.allows:
            return False
        try:
            found: object = json.loads(expectation.found)
        except ValueError:
            return False
        wanted = self.allows[expectation.subject]
        return type(found) is type(wanted) and found == wanted


def load(path: Path, rules: Iterable[Rule]) -> tuple[Exemption, ...]:
    """Read a list of exemptions.

    Args:
        path: a TOML file with tables ``[[exemption]]``.
        rules: what an exemption may be from: those of them that judge one resource at a time.

    Raises:
        ExemptionError: a key is missing, unknown or of the wrong type, or no such rule has that name.
    """
    known = {rule.name for rule in rules if isinstance(rule, ResourceRule)}
    try:
        tables: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("exemption", [])
    except tomllib.TOMLDecodeError as error:
        raise ExemptionError(f"{path.name}: {error}") from None
    return tuple(_exemption(table, f"{path.name}, exemption {number}", known) for number, table in enumerate(tables, 1))


def _exemption(table: dict[str, Any], place: str, rules: set[str]) -> Exemption:
    if odd := sorted(set(_KEYS) ^ set(table)):
        raise ExemptionError(f"{place}: {odd[0]} is missing or unknown. Allowed: exactly {', '.join(_KEYS)}")
    for key in _TEXTS:
        if not isinstance(table[key], str) or not table[key].strip():
            raise ExemptionError(f"{place}: {key} is {table[key]!r}. Allowed: text")
    if type(table["until"]) is not date:
        raise ExemptionError(f"{place}: until is {table['until']!r}. Allowed: a day without quotes, as 2027-03-31")
    if not isinstance(table["allows"], dict) or not table["allows"]:
        raise ExemptionError(f"{place}: allows is {table['allows']!r}. Allowed: a table of settings and their values")
    if table["rule"] not in rules:
        raise ExemptionError(
            f"{place}: no rule about single resources is named {table['rule']!r}. Allowed: {', '.join(sorted(rules))}"
        )
    return Exemption(**table)


def with_exemptions(rule: Rule, exemptions: Sequence[Exemption], today: date) -> Rule:
    """The rule as it judges with its exemptions of that day."""
    own = [exemption for exemption in exemptions if exemption.rule == rule.name]
    if not own or not isinstance(rule, ResourceRule):
        return rule
    check_all = rule.check

    def check(resource: Resource) -> Iterator[Expectation]:
        for expectation in check_all(resource):
            yield _judged(resource, expectation, own, today)

    return replace(rule, check=check)


def _judged(resource: Resource, expectation: Expectation, exemptions: list[Exemption], today: date) -> Expectation:
    if expectation.holds is not False:
        return expectation
    covering = [exemption for exemption in exemptions if exemption.covers(resource, expectation)]
    if not covering:
        return expectation
    latest = max(covering, key=lambda exemption: exemption.until)
    if latest.until >= today:
        note = f"{expectation.subject} is {expectation.found}: {latest.reason} ({latest.owner}, until {latest.until})"
        return replace(expectation, holds=True, exemption=note)
    remedy = (
        f"the exemption that {latest.owner} answered for ended on {latest.until}: do without it, or have it renewed in "
        "policies/exemptions.toml"
    )
    return replace(expectation, remedy=remedy)
