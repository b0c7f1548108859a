"""What the engine says of an update, read from its event log (`--event-log`, with PULUMI_DEBUG_COMMANDS)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Json = dict[str, Any]
# Most of a log; nobody reads it.
_DEBUG = '"severity":"debug"'
_COLOUR = re.compile(r"<\{%.*?%\}>")
# Said after the reason was.
_SUMMARIES = frozenset(
    {
        "",
        "preview failed",
        "update failed",
        "preview cancelled",
        "update cancelled",
        "an unhandled error occurred: Program exited with non-zero exit code: 1",
    }
)
Kind = Literal["created", "updated", "replaced", "deleted", "same"]
_CHANGES: dict[str, Kind] = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete": "deleted",
    "same": "same",
    "import": "created",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens to one resource.

    Attributes:
        change: what it is.
        urn: the engine's name of it.
        type: its type token.
        keys: the inputs that differ, as paths; of a replacement, those that force it.
        inputs: its inputs afterwards (of a deletion, before).
        is_component: whether it only groups others, and nothing is there of it outside the program.
    """

    change: Kind
    urn: str
    type: str
    keys: tuple[str, ...]
    inputs: Json
    is_component: bool = False

    @property
    def name(self) -> str:
        """Its name in the program."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A policy that says no, or cannot say yet."""

    policy: str
    level: str
    message: str
    urn: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error of the engine, the program or a provider; the URN is empty for the engine's own."""

    urn: str
    message: str

    @property
    def is_of_the_program(self) -> bool:
        """Whether the program itself refused, with a sentence."""
        return not self.urn and "Traceback" not in self.message


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that a preview or an update said.

    Attributes:
        steps: by URN, providers and components included.
        violations: of policies.
        passed: names of the policies that judged something and found nothing.
        failures: what went wrong, in the order in which it did.
        seconds: how long it took.
    """

    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    violations: tuple[Violation, ...] = ()
    passed: frozenset[str] = frozenset()
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0


def read(log: Path, *, seconds: float = 0.0) -> Outcome:
    """Return what an event log says; a missing or cut-off log says less."""
    steps: dict[str, Step] = {}
    violations: dict[tuple[str, str, str], Violation] = {}
    passed: set[str] = set()
    failures: dict[Failure, None] = {}
    for event in _events(log):
        if metadata := event.get("resourcePreEvent", {}).get("metadata"):
            _add_step(steps, metadata)
        elif found := event.get("policyEvent"):
            violation = _violation(found)
            violations[violation.policy, violation.urn, violation.message] = violation
        elif found := event.get("policyAnalyzeSummaryEvent") or event.get("policyAnalyzeStackSummaryEvent"):
            passed.update(found.get("passed") or ())
        elif (found := event.get("diagnosticEvent")) and found.get("severity") == "error":
            failures[Failure(urn=found.get("urn", ""), message=plain(found.get("message", "")))] = None
    failed = {one.policy for one in violations.values()}
    return Outcome(
        steps=steps,
        violations=tuple(violations.values()),
        passed=frozenset(passed - failed),
        failures=tuple(failure for failure in failures if failure.message not in _SUMMARIES),
        seconds=seconds,
    )


class Finished:
    """How many resources an update has dealt with so far.

    Args:
        log: the event log that is being written.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0
        self._count = 0

    def count(self) -> int:
        """Read what is new in the log, and return the number."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return 0
        whole = new.rfind(b"\n") + 1  # the last line may be half written
        self._read += whole
        self._count += new.count(b'"resOutputsEvent":', 0, whole)
        return self._count


def plain(text: str) -> str:
    """A message without the engine's colour marks."""
    return _COLOUR.sub("", text).strip()


def _events(log: Path) -> Iterator[Json]:
    try:
        lines: Iterable[str] = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        if _DEBUG in line:
            continue
        try:
            event = json.loads(line)
        except ValueError:  # the last line of a log that is being written
            continue
        yield event


def _add_step(steps: dict[str, Step], metadata: Json) -> None:
    # A replacement is told in three events: replace, create-replacement and delete-replaced. Keys may be in either.
    change = _CHANGES.get(metadata["op"])
    if change is None:
        return
    state: Json = metadata.get("new") or metadata.get("old") or {}
    known = steps.get(metadata["urn"])
    steps[metadata["urn"]] = Step(
        change=change,
        urn=metadata["urn"],
        type=metadata["type"],
        keys=tuple(_first(metadata, "keys", "diffs", "detailedDiff") or (known.keys if known else ())),
        inputs=state.get("inputs") or {},
        is_component=not state.get("custom"),
    )


def _first(metadata: Json, *names: str) -> list[str]:
    """The first of these that says anything."""
    return next((list(cast("Iterable[str]", metadata[name])) for name in names if metadata.get(name)), list[str]())


def _violation(event: Json) -> Violation:
    return Violation(
        policy=event["policyName"],
        level=event["enforcementLevel"],
        message=plain(event["message"]),
        urn=event.get("resourceUrn", ""),
    )
