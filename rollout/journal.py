"""What the command has done to a service, a line a fact, each on the disk before the next begins.

Lines are only added. One that a power cut or a kill left half written is no JSON, and is passed over.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from infra.releases import Release, Step
from infra.settings import BlueGreenRelease

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RELEASE: TypeAdapter[Release] = TypeAdapter(Release)


class Phase(StrEnum):
    """How far a step is. Whatever is not among the ended ones was cut off, if nobody runs."""

    PLANNED = "planned"
    PREVIEWED = "previewed"
    WRITTEN = "written"
    APPLYING = "applying"
    APPLIED = "applied"
    READY = "ready"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    RECOVERED = "recovered"


_ENDED = frozenset({Phase.DONE, Phase.REFUSED, Phase.FAILED, Phase.RECOVERED})
# From here until the end the cluster may have a part of the step.
_TOUCHED = frozenset({Phase.APPLYING, Phase.APPLIED, Phase.READY})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line.

    Attributes:
        time: when, in UTC.
        run: which run of the command; the processes that it starts carry this name.
        command: advance, rollback, abort or watch.
        step: what the step does.
        phase: how far it is.
        before: the release that was deployed; None where none was.
        after: the one that is wanted.
        reason: why, where somebody gave one or something went wrong.
    """

    time: dt.datetime
    run: str
    command: str
    step: Step
    phase: Phase
    before: Release | None
    after: Release
    reason: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing of the step is under way."""
        return self.phase in _ENDED

    @property
    def touched(self) -> bool:
        """Whether the cluster may have a part of the step, and not all of it."""
        return self.phase in _TOUCHED


class Journal:
    """The journal of one service.

    Args:
        file: where it lies; it is made with the first line.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> list[Entry]:
        """All facts, the oldest first."""
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [entry for entry in map(_parse, lines) if entry is not None]

    def last(self) -> Entry | None:
        """The newest fact."""
        entries = self.read()
        return entries[-1] if entries else None

    def add(self, entry: Entry) -> None:
        """Write a fact, and wait until the disk has it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        data = {**asdict(entry), "time": entry.time.isoformat(), **_releases(entry)}
        line = json.dumps(data, separators=(",", ":")).encode() + b"\n"
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # what was half written stays a line of its own
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def begun(self, deployed: Release) -> dt.datetime | None:
        """When the state that is deployed began; None where another way than this command led to it."""
        done = [entry for entry in self.read() if entry.phase is Phase.DONE and entry.step is not Step.SCALE]
        return done[-1].time if done and same_traffic(done[-1].after, deployed) else None

    def released(self) -> dt.datetime | None:
        """When the candidate that is there got its first requests; None where it has none, or got them another way."""
        first: dt.datetime | None = None
        for entry in self.read():
            if entry.phase is not Phase.DONE:
                continue
            if entry.step is Step.ADVANCE:
                first = first or entry.time
            elif entry.step not in {Step.SCALE, Step.ROLLBACK}:
                first = None
        return first

    def switched(self, deployed: Release) -> bool | None:
        """Of two colours, whether the newer one has the requests; None where another way led to what is deployed."""
        switched: bool | None = None
        newest: Entry | None = None
        for entry in self.read():
            if entry.phase is not Phase.DONE:
                continue
            newest = entry
            if entry.step is Step.PREPARE:
                switched = False
            elif entry.step is Step.SWITCH and switched is not None:
                switched = not switched
            elif entry.step in {Step.FREE, Step.FIRST, Step.CONVERT}:
                switched = None
        is_that = newest is not None and same_traffic(newest.after, deployed)
        return switched if is_that and isinstance(deployed, BlueGreenRelease) else None


def now() -> dt.datetime:
    """The time of an entry: UTC."""
    return dt.datetime.now(dt.UTC)


def same_traffic(one: Release, other: Release) -> bool:
    """Whether two releases send the same versions the same requests; replicas do not count."""
    return _traffic(one) == _traffic(other)


def _traffic(release: Release) -> Sequence[tuple[str, str, int]]:
    return [(name, slot.version, slot.weight) for name, slot in release.slots()]


def _releases(entry: Entry) -> dict[str, Any]:
    return {
        "before": entry.before.model_dump(mode="json") if entry.before else None,
        "after": entry.after.model_dump(mode="json"),
    }


def parse_release(raw: object) -> Release:
    """A release from its JSON.

    Raises:
        ValidationError: it is none.
    """
    return _RELEASE.validate_json(json.dumps(raw))


def _parse(line: bytes) -> Entry | None:
    try:
        data: dict[str, Any] = json.loads(line)
        return Entry(
            time=dt.datetime.fromisoformat(data["time"]),
            run=data["run"],
            command=data["command"],
            step=Step(data["step"]),
            phase=Phase(data["phase"]),
            before=parse_release(data["before"]) if data["before"] else None,
            after=parse_release(data["after"]),
            reason=data["reason"],
        )
    except (ValueError, KeyError, TypeError, ValidationError):
        return None
