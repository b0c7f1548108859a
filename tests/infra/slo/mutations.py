"""Faults that a generator of rules could have, put into what it generates."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.latency_buckets import LATENCY_SECONDS
from infra.slo import names, windows

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE: Final = re.compile(r"(?<=\[)\d+[mhd](?=\])")
_RECORDED: Final = re.compile(r"(?<=rate)\d+[mhd]\b")
_LIMIT: Final = re.compile(r"(?<=> )0\.[0-9e-]+")
_BUDGET: Final = re.compile(r"(?<=/ )[0-9.e-]+$")
_LE: Final = re.compile(r'(?<=le=")[0-9.]+')
_LEAST: Final = re.compile(r"\nand [^\n]+ >= \d+$")
_MATCHER: Final = re.compile(r'[a-z_]+=~?"[^"]*"')


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """Rules with one fault.

    Attributes:
        kind: of the fault.
        what: where it is, for people.
        rules: the rule file.
    """

    kind: str
    what: str
    rules: dict[str, Any]


def of(rules: dict[str, Any]) -> Iterator[Mutant]:
    """Every mutant of a rule file, one fault each."""
    for g, group in enumerate(rules["groups"]):
        for r, rule in enumerate(group["rules"]):
            name = rule.get("alert") or rule["record"]
            place = " ".join((name, *rule.get("labels", {}).values()))
            # What follows is multiplied by nothing: its faults change nothing.
            judged, otherwise, nothing = rule["expr"].partition(" or on (")
            for kind, mutated in _expressions(judged):
                expr = f"{mutated}{otherwise}{nothing}"
                yield Mutant(kind=kind, what=f"{place}: {expr}", rules=_with(rules, g, r, expr=expr))
            for label in rule.get("labels", {}):
                changed = {**rule["labels"], label: "wrong"}
                yield Mutant(kind="label", what=f"{place}: {label} is wrong", rules=_with(rules, g, r, labels=changed))
            if "for" in rule:
                for kind, wait in (("shorter wait", "0s"), ("longer wait", "1h")):
                    yield Mutant(kind=kind, what=f"{place}: for {wait}", rules=_with(rules, g, r, **{"for": wait}))


def _expressions(expr: str) -> Iterator[tuple[str, str]]:
    yield from _other_lengths(expr)
    yield from _other_numbers(expr)
    if _LEAST.search(expr):
        yield "least failures", _LEAST.sub("", expr)
    # Everywhere: where two series are matched by their labels, the filter of one of them does for both.
    for matcher in dict.fromkeys(_MATCHER.findall(expr)):
        yield "filter", re.sub(rf"{re.escape(matcher)},|,?{re.escape(matcher)}", "", expr)


def _other_lengths(expr: str) -> Iterator[tuple[str, str]]:
    for pattern, kind in ((_RANGE, "range"), (_RECORDED, "window")):
        for found in pattern.finditer(expr):
            for other in _other_windows(found[0]):
                yield kind, _replaced(expr, found, other)


def _other_numbers(expr: str) -> Iterator[tuple[str, str]]:
    for pattern, kind in ((_LIMIT, "factor"), (_BUDGET, "budget")):
        if pattern.search(expr):
            for times in (0.95, 1.07):
                yield kind, pattern.sub(lambda found, times=times: names.number(float(found[0]) * times), expr)
    # Of one window alone: of the long one and then of the short one.
    for found, every in zip(_LIMIT.finditer(expr), ((0.6, 1.6), (2.5,)), strict=False):
        for times in every:
            yield "factor", _replaced(expr, found, names.number(float(found[0]) * times))
    for found in _LE.finditer(expr):
        index = LATENCY_SECONDS.index(float(found[0]))
        for other in LATENCY_SECONDS[max(0, index - 1) : index] + LATENCY_SECONDS[index + 1 : index + 2]:
            yield "bucket", _replaced(expr, found, names.le(other))


def _replaced(expr: str, found: re.Match[str], text: str) -> str:
    return f"{expr[: found.start()]}{text}{expr[found.end() :]}"


def _other_windows(window: str) -> tuple[str, ...]:
    """The next shorter and the next longer one."""
    every = sorted({*windows.SECONDS, window}, key=windows.seconds)
    index = every.index(window)
    return tuple(every[other] for other in (index - 1, index + 1) if 0 <= other < len(every))


def _with(rules: dict[str, Any], group: int, rule: int, **changed: object) -> dict[str, Any]:
    copied = copy.deepcopy(rules)
    copied["groups"][group]["rules"][rule].update(changed)
    return copied
