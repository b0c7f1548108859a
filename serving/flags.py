"""Feature flags: what a service does differently, as a file says that configuration mounts. Nobody sets them over HTTP.

They are read by way of OpenFeature. A request looks at :attr:`Flags.values`, which is made anew when the file changes,
and so costs it nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from pathlib import Path

    from openfeature.client import OpenFeatureClient
    from openfeature.flag_evaluation import FlagEvaluationDetails
    from prometheus_client import Gauge

    from serving.flag_file import FlagFileProvider

_log = structlog.stdlib.get_logger("serving.flags")
READ_EVERY_SECONDS: Final = 2.0
_MOST_MILLISECONDS: Final = 1000.0

ALL_SCORES: Final = "all-scores"
BATCH_WAIT: Final = "batch-wait-milliseconds"
DESCRIPTIONS: Final = {
    ALL_SCORES: "true: each prediction has the scores of all labels",
    BATCH_WAIT: f"0 to {_MOST_MILLISECONDS:g}: time to wait for more texts before a run, instead of the setting",
}
"""Every flag that this version knows. A file may have others: it is the same for two versions."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """What the flags say."""

    all_scores: bool
    batch_wait_seconds: float


class FlagState(BaseModel):
    """What holds of one flag."""

    name: str
    description: str
    value: bool | float
    variant: str | None = Field(description="name of the value in the file; absent when the file does not decide")
    reason: str = Field(description="STATIC when the file decides, DEFAULT when it does not have the flag")
    problem: str | None = Field(description="why what the file says cannot be used")


class FlagReport(BaseModel):
    """All flags that this version knows, and where they are from."""

    file: str | None
    problem: str | None = Field(description="why the file cannot be used; what was read before holds")
    unknown: list[str] = Field(description="flags of the file that this version does not know")
    flags: list[FlagState]


class Flags:
    """The flags of one process.

    Attributes:
        values: what holds now.
    """

    def __init__(self, path: Path | None, *, batch_wait_seconds: float, problems: Gauge) -> None:
        """Read the file, if there is one.

        Args:
            path: of the file; it may come later.
            batch_wait_seconds: what holds without the flag.
            problems: set to how many things in the file cannot be used.
        """
        self._path = path
        self._default = self.values = Values(all_scores=False, batch_wait_seconds=batch_wait_seconds)
        self._problems = problems
        self._states: list[FlagState] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="flags", daemon=True)
        self._provider: FlagFileProvider | None = None
        if path is not None:
            self._provider = self._open(path)
        self._evaluate()

    def start(self) -> None:
        """Look for changes of the file from now on."""
        if self._provider is not None:
            self._tell()
            self._thread.start()

    def stop(self) -> None:
        """End that."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Look at the file now."""
        if self._provider is None or not self._provider.reload():
            return
        self._evaluate()
        self._tell()

    def report(self) -> FlagReport:
        """All flags, and where they are from."""
        provider = self._provider
        return FlagReport(
            file=None if self._path is None else str(self._path),
            problem=(provider.problem or None) if provider else None,
            unknown=sorted({*provider.names} - {*DESCRIPTIONS}) if provider else [],
            flags=self._states,
        )

    def _open(self, path: Path) -> FlagFileProvider:
        # Thirty milliseconds, for those alone who have flags.
        from openfeature import api  # noqa: PLC0415

        from serving.flag_file import FlagFileProvider  # noqa: PLC0415

        provider = FlagFileProvider(path)
        domain = f"serving-{id(self)}"  # OpenFeature's registry is the process's, these flags are ours
        api.set_provider_and_wait(provider, domain)
        self._client: OpenFeatureClient = api.get_client(domain)
        return provider

    def _watch(self) -> None:
        while not self._stopped.wait(READ_EVERY_SECONDS):
            self.refresh()

    def _tell(self) -> None:
        if problem := self.report().problem:
            _log.error("flags cannot be read; what was read before holds", reason=problem)
        else:
            _log.info("flags", **{state.name: state.value for state in self._states})

    def _evaluate(self) -> None:
        default = self._default
        milliseconds = default.batch_wait_seconds * 1000
        if self._provider is None:
            self._states = [_without(ALL_SCORES, value=default.all_scores), _without(BATCH_WAIT, value=milliseconds)]
            return
        scores = _state(self._client.get_boolean_details(ALL_SCORES, default.all_scores))
        wait = _state(self._client.get_float_details(BATCH_WAIT, milliseconds))
        if not 0 <= wait.value <= _MOST_MILLISECONDS:
            problem = f"{wait.value:g}: 0 to {_MOST_MILLISECONDS:g} is allowed"
            wait = wait.model_copy(update={"value": milliseconds, "reason": "ERROR", "problem": problem})
        self._states = [scores, wait]
        self.values = replace(default, all_scores=bool(scores.value), batch_wait_seconds=wait.value / 1000)
        self._problems.set(bool(self._provider.problem) + sum(state.problem is not None for state in self._states))


def _without(name: str, *, value: bool | float) -> FlagState:
    return FlagState(
        name=name, description=DESCRIPTIONS[name], value=value, variant=None, reason="DEFAULT", problem=None
    )


def _state(details: FlagEvaluationDetails[bool] | FlagEvaluationDetails[float]) -> FlagState:
    found = _without(details.flag_key, value=details.value)
    if details.error_code == "FLAG_NOT_FOUND":
        return found
    problem = details.error_message if details.error_code else None
    return found.model_copy(update={"variant": details.variant, "reason": str(details.reason), "problem": problem})


def router(flags: Flags) -> APIRouter:
    """The path that shows the flags, for those inside the cluster: the gateway does not publish it."""
    shown = APIRouter(tags=["operations"])

    @shown.get("/flags")
    def show() -> FlagReport:  # pyright: ignore[reportUnusedFunction]
        """Show all flags that this version knows, and where they are from."""
        return flags.report()

    return shown
