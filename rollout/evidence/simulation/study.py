"""Many simulated releases of a scenario, each looked at every minute."""

from __future__ import annotations

import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rollout.evidence.judging import judge_at
from rollout.evidence.limits import Limits
from rollout.evidence.simulation import binomial, thresholds
from rollout.evidence.simulation.releases import release
from rollout.evidence.simulation.scenario import OBJECTIVE
from rollout.evidence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rollout.evidence.simulation.scenario import Scenario
    from rollout.evidence.verdict import Verdict

_CHUNK: Final = 20


@dataclass(frozen=True, slots=True)
class Ended:
    """How a release ended: after how many compared requests and minutes, and by which metrics."""

    requests: int
    minute: int
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """One release: its first rollback, its first advance if that came before, rollbacks of the usual analysis."""

    rollback: Ended | None
    advance: Ended | None
    usual: tuple[Ended | None, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """How a way of judging did over all releases; the median is None where it never came to that."""

    name: str
    rollbacks: int
    median_requests: float | None
    requests: tuple[int, ...]
    """Of each release that was taken back, until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """A scenario's releases. ``within`` counts the rollbacks within the scenario's compared requests."""

    name: str
    releases: int
    rollbacks: int
    within: int
    by_metric: dict[str, int]
    advances: int
    median_requests_to_rollback: float | None
    median_requests_to_advance: float | None
    requests: tuple[int, ...]
    """Of each release that was taken back, until then."""
    usual: tuple[Way, ...]

    @property
    def rate(self) -> float:
        """Of rollbacks."""
        return self.rollbacks / self.releases

    @property
    def upper(self) -> float:
        """The rate of rollbacks at most, with 95 % confidence."""
        return binomial.upper_bound(self.rollbacks, self.releases)

    @property
    def power(self) -> float:
        """The share that was rolled back within the compared requests."""
        return self.within / self.releases

    @property
    def least_power(self) -> float:
        """That share at least, with 95 % confidence."""
        return binomial.lower_bound(self.within, self.releases)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "scenario": self.name,
            "releases": self.releases,
            "rollbacks": self.rollbacks,
            "rate": self.rate,
            "rate_upper_95": self.upper,
            "rollbacks_within_20000": self.within,
            "power": self.power,
            "power_lower_95": self.least_power,
            "by_metric": self.by_metric,
            "advances": self.advances,
            "median_requests_to_rollback": self.median_requests_to_rollback,
            "median_requests_to_advance": self.median_requests_to_advance,
            "fixed_thresholds": [
                {"name": way.name, "rollbacks": way.rollbacks, "median_requests": way.median_requests}
                for way in self.usual
            ],
        }


def study(
    name: str, scenario: Scenario, *, seeds: range, workers: int, done: Callable[[int], None] = lambda _: None
) -> Studied:
    """Follow one release per seed; ``done`` hears how many more are finished. The result depends on no ``workers``."""
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    followed = list[Followed]()
    for part in _parts(scenario, chunks, workers):
        followed += part
        done(len(part))
    return _summary(name, scenario, followed)


def _parts(scenario: Scenario, chunks: Sequence[range], workers: int) -> Iterator[list[Followed]]:
    if workers <= 1:
        yield from (_follow_all(scenario, chunk) for chunk in chunks)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_follow_all, [scenario] * len(chunks), chunks)


def _follow_all(scenario: Scenario, seeds: range) -> list[Followed]:
    return [follow(scenario, seed) for seed in seeds]


def follow(scenario: Scenario, seed: int) -> Followed:
    """One release to its last minute, whatever the verdicts before."""
    seen = release(scenario, seed)
    limits = Limits(agreement=scenario.agreement)
    verdicts = judge_at(seen, looks=np.arange(scenario.minutes), objective=OBJECTIVE, limits=limits)
    so_far = np.cumsum((seen.candidate.requests + seen.reference.requests).sum(axis=1))
    minutes = [thresholds.rolled_back_at(seen, analysis) for analysis in thresholds.USUAL]
    rollback, advance = _first(verdicts, Decision.ROLLBACK), _first(verdicts, Decision.ADVANCE)
    advanced = advance if advance and not (rollback and rollback.minute < advance.minute) else None
    return Followed(
        rollback,
        advanced,
        tuple(None if minute is None else Ended(int(so_far[minute]), minute) for minute in minutes),
    )


def _first(verdicts: Sequence[Verdict], decision: Decision) -> Ended | None:
    for minute, verdict in enumerate(verdicts):
        if verdict.decision is decision:
            metrics = tuple(one.metric.value for one in verdict.metrics if one.decision is decision)
            return Ended(verdict.requests, minute, metrics)
    return None


def _summary(name: str, scenario: Scenario, followed: Sequence[Followed]) -> Studied:
    rollbacks = [one.rollback for one in followed if one.rollback]
    advances = [one.advance for one in followed if one.advance]
    names = sorted({metric for ended in rollbacks for metric in ended.metrics})
    return Studied(
        name=name,
        releases=len(followed),
        rollbacks=len(rollbacks),
        within=sum(ended.requests <= scenario.compared_requests for ended in rollbacks),
        by_metric={metric: sum(metric in ended.metrics for ended in rollbacks) for metric in names},
        advances=len(advances),
        median_requests_to_rollback=_median(rollbacks),
        median_requests_to_advance=_median(advances),
        requests=tuple(ended.requests for ended in rollbacks),
        usual=tuple(
            _way(analysis.name, [one.usual[position] for one in followed])
            for position, analysis in enumerate(thresholds.USUAL)
        ),
    )


def _way(name: str, ended: Sequence[Ended | None]) -> Way:
    there = [one for one in ended if one]
    return Way(name, len(there), _median(there), tuple(one.requests for one in there))


def _median(ended: Sequence[Ended]) -> float | None:
    return statistics.median(one.requests for one in ended) if ended else None
