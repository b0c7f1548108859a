"""Simulated releases, as Prometheus would hold them: increments of counters by minute and unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rollout.evidence.observations import LOG_ORIGIN_SECONDS, UNITS, History, Mirrored, Observations, SlotCounts

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from rollout.evidence.simulation.scenario import Scenario

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

_USUAL_SECONDS: Final = 0.04
_USUAL_TOKENS: Final = 30.0
_POSITIVE: Final = 0.6
_CONFIDENCE: Final = (0.9, 0.08)


@dataclass(frozen=True, slots=True)
class _Users:
    unit: Indices
    rate: Floats  # requests a minute
    tokens: Floats  # of a request, in the mean
    slowness: Floats
    error_rate: Floats
    positive: Floats
    agreement: Floats


@dataclass(frozen=True, slots=True)
class _Cells:
    """Users in minutes in which they sent something: one row each."""

    minute: Indices
    user: Indices
    requests: Indices

    def grouped(self, users: _Users, values: Floats, minutes: int, units: int) -> Floats:
        """Sums by minute and unit."""
        where = self.minute * units + users.unit[self.user]
        sums = np.bincount(where, weights=values, minlength=minutes * units).astype(np.float64)
        return sums.reshape(minutes, units)


def release(scenario: Scenario, seed: int) -> Observations:
    """One release of a candidate, observed for all its minutes; the same seed gives the same users and minutes."""
    random = np.random.default_rng(seed)
    units = UNITS * scenario.weight // 100
    common = _autoregressive(random, scenario, scenario.common_wander, scenario.minutes)
    slots, histories, mirrored = list[SlotCounts](), list["tuple[Floats, Floats]"](), list[Mirrored]()
    for position in range(2):
        users = _users(random, scenario, units)
        candidate = position == 0
        histories.append(_history(random, scenario, users, units))
        own = _autoregressive(random, scenario, scenario.slot_wander, scenario.minutes)
        jitter = random.normal(0, scenario.slot_jitter, scenario.minutes)
        slots.append(_slot(random, scenario, users, common + own + jitter, candidate=candidate))
        mirrored.append(_mirrored(random, scenario, users, units))
    requests, log_seconds = (np.concatenate([history[i] for history in histories]) for i in range(2))
    side_by_side = [_placed(slot, position) for position, slot in enumerate(slots)]
    return Observations(
        candidate=side_by_side[0],
        reference=side_by_side[1],
        mirrored=Mirrored(
            comparisons=np.concatenate([m.comparisons for m in mirrored], axis=1),
            agreements=np.concatenate([m.agreements for m in mirrored], axis=1),
        ),
        history=History(requests=requests, log_seconds=log_seconds) if scenario.history_minutes else None,
    )


def _users(random: Generator, scenario: Scenario, units: int) -> _Users:
    count = max(int(random.poisson(scenario.users_per_unit * units)), 10)
    activity = random.pareto(scenario.activity_tail, count) + 1
    # Twice: what one user loses, the others gain.
    for _ in range(2):
        activity = np.minimum(activity, scenario.heaviest_share * activity.sum())
    per_minute = scenario.compared_requests / 2 / scenario.minutes
    concentration, agreement = scenario.positive_concentration, scenario.agreement
    return _Users(
        unit=random.integers(0, units, count),
        rate=per_minute * activity / activity.sum(),
        tokens=_USUAL_TOKENS * np.exp(random.normal(0, scenario.tokens_deviation, count)),
        slowness=random.normal(0, scenario.user_deviation, count),
        error_rate=np.minimum(
            scenario.error_rate * random.gamma(scenario.error_shape, 1 / scenario.error_shape, count), 0.5
        ),
        positive=random.beta(_POSITIVE * concentration, (1 - _POSITIVE) * concentration, count),
        agreement=random.beta(
            agreement * scenario.agreement_concentration, (1 - agreement) * scenario.agreement_concentration, count
        ),
    )


def _autoregressive(random: Generator, scenario: Scenario, deviation: float, minutes: int) -> Floats:
    """A stationary wander; [minute]."""
    steps = random.normal(0, deviation, minutes)
    steps[1:] *= math.sqrt(1 - scenario.persistence**2)
    walk = np.empty(minutes)
    value = 0.0
    for minute, step in enumerate(steps):
        value = scenario.persistence * value + step
        walk[minute] = value
    return walk


def _cells(random: Generator, scenario: Scenario, rate: Floats, minutes: int) -> _Cells:
    shape = 1 / scenario.burstiness
    rates = rate[None, :] * random.standard_gamma(shape, (minutes, len(rate))) / shape
    requests = random.poisson(rates)
    minute, user = np.nonzero(requests)
    return _Cells(minute, user, requests[minute, user])


def _log_seconds(
    random: Generator, scenario: Scenario, users: _Users, cells: _Cells, wander: Floats
) -> tuple[Floats, Floats]:
    """Sums over a cell's requests of log latency and of tokens."""
    n, user = cells.requests, cells.user
    tokens = users.tokens[user] * n * np.exp(random.normal(0, 0.2, len(n)) / np.sqrt(n))
    usual = math.log(_USUAL_SECONDS / LOG_ORIGIN_SECONDS) + wander[cells.minute]
    of_length = 0.5 * np.log(users.tokens[user] / _USUAL_TOKENS)
    noise = random.normal(0, scenario.request_deviation, len(n)) * np.sqrt(n)
    slow = scenario.slow_by * random.binomial(n, scenario.slow_share)
    return n * (usual + of_length + users.slowness[user]) + noise + slow, tokens


def _slot(random: Generator, scenario: Scenario, users: _Users, wander: Floats, *, candidate: bool) -> SlotCounts:
    units = UNITS * scenario.weight // 100
    cells = _cells(random, scenario, users.rate, scenario.minutes)
    n, user = cells.requests, cells.user
    log_seconds, tokens = _log_seconds(random, scenario, users, cells, wander)
    if candidate:
        log_seconds = log_seconds + n * math.log1p(scenario.latency_rise)
    factor = scenario.error_factor if candidate else 1.0
    errors = random.binomial(n, np.minimum(users.error_rate[user] * factor, 1))
    positive = random.binomial(n, users.positive[user])
    mean, deviation = _CONFIDENCE
    confidence = np.minimum(n * mean + random.normal(0, deviation, len(n)) * np.sqrt(n), n)
    feedback = random.binomial(n, scenario.feedback_share)
    right = random.binomial(feedback, scenario.accuracy)

    def grouped(values: Floats | Indices) -> Floats:
        return cells.grouped(users, values.astype(np.float64), scenario.minutes, units)

    return SlotCounts(
        requests=grouped(n),
        errors=grouped(errors),
        log_seconds=grouped(log_seconds),
        tokens=grouped(tokens),
        texts={"negative": grouped(n - positive), "positive": grouped(positive)},
        confidence=grouped(confidence),
        right=grouped(right),
        wrong=grouped(feedback - right),
    )


def _history(random: Generator, scenario: Scenario, users: _Users, units: int) -> tuple[Floats, Floats]:
    if scenario.history_minutes == 0:
        return np.zeros(units), np.zeros(units)
    # Sums by unit need no minutes: the wander of that hour is one for all.
    shape = scenario.history_minutes / scenario.burstiness
    rates = users.rate * scenario.history_minutes * random.standard_gamma(shape, len(users.rate)) / shape
    requests = random.poisson(rates)
    seen = np.nonzero(requests)[0]
    cells = _Cells(np.zeros(len(seen), dtype=np.int64), seen, requests[seen])
    log_seconds, _ = _log_seconds(random, scenario, users, cells, np.zeros(1))
    return (
        cells.grouped(users, cells.requests.astype(np.float64), 1, units)[0],
        cells.grouped(users, log_seconds, 1, units)[0],
    )


def _mirrored(random: Generator, scenario: Scenario, users: _Users, units: int) -> Mirrored:
    """Other users of the same kind: those whose requests are mirrored, as many requests as are compared."""
    cells = _cells(random, scenario, users.rate, scenario.minutes)
    right = random.binomial(cells.requests, np.maximum(users.agreement[cells.user] - scenario.agreement_loss, 0))

    def grouped(values: Indices) -> Floats:
        return cells.grouped(users, values.astype(np.float64), scenario.minutes, units)

    return Mirrored(comparisons=grouped(cells.requests), agreements=grouped(right))


def _placed(slot: SlotCounts, position: int) -> SlotCounts:
    """On the units of both slots: the candidate has the first half, the baseline the second."""

    def widened(values: Floats) -> Floats:
        nothing = np.zeros_like(values)
        return np.concatenate((nothing, values) if position else (values, nothing), axis=1)

    return SlotCounts(
        requests=widened(slot.requests),
        errors=widened(slot.errors),
        log_seconds=widened(slot.log_seconds),
        tokens=widened(slot.tokens),
        texts={label: widened(values) for label, values in slot.texts.items()},
        confidence=widened(slot.confidence),
        right=widened(slot.right),
        wrong=widened(slot.wrong),
    )
