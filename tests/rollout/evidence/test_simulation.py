"""The proof in small: `make evidence-check` does the same with a thousand releases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from rollout.evidence.__main__ import main
from rollout.evidence.limits import ALPHA
from rollout.evidence.simulation import binomial
from rollout.evidence.simulation.releases import release
from rollout.evidence.simulation.scenario import EQUAL, WORSE, Scenario
from rollout.evidence.simulation.study import study

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEEDS = range(1, 13)


def test_false_alarms_are_shared_by_all_metrics() -> None:
    """Five per cent are for all metrics together."""
    assert sum(ALPHA.values()) == pytest.approx(0.05)


def test_equal_versions_are_kept() -> None:
    """Of twelve pairs of equal versions, looked at every minute for an hour, none is taken back."""
    found = study("equal", EQUAL["equal at 20 %"], seeds=_SEEDS, workers=1)
    assert found.rollbacks == 0
    assert found.advances >= 11


@pytest.mark.parametrize("name", list(WORSE))
def test_worse_versions_are_found(name: str) -> None:
    """Of six worse versions at least five are taken back within 20,000 compared requests."""
    found = study(name, WORSE[name], seeds=_SEEDS[:6], workers=1)
    assert found.within >= 5


def test_the_same_seed_is_the_same_release() -> None:
    """Figures can be had again."""
    first, second = (release(Scenario(), seed=7) for _ in range(2))
    assert np.array_equal(first.candidate.log_seconds, second.candidate.log_seconds)


def test_simulated_counters_are_counters() -> None:
    """No increment is negative, errors are requests, agreements are comparisons, and the slots share no user."""
    seen = release(Scenario(), seed=3)
    for side in (seen.candidate, seen.reference):
        assert (side.errors <= side.requests).all()
        assert (side.log_seconds >= 0).all()
        assert sum(side.texts.values(), np.zeros(1)) == pytest.approx(side.requests)
    assert seen.mirrored is not None
    assert (seen.mirrored.agreements <= seen.mirrored.comparisons).all()
    assert not (seen.candidate.requests.any(axis=0) & seen.reference.requests.any(axis=0)).any()
    assert seen.requests == pytest.approx(20_000, rel=0.1)


@pytest.mark.parametrize(
    ("hits", "trials", "upper"),
    [(0, 1000, 0.0029912), (10, 1000, 0.0168983), (5, 100, 0.1022534)],  # R: binom.test(…, alternative = "less")
)
def test_exact_bounds(hits: int, trials: int, upper: float) -> None:
    """Clopper and Pearson's one-sided bounds."""
    assert binomial.upper_bound(hits, trials) == pytest.approx(upper, abs=2e-4)
    assert binomial.lower_bound(trials - hits, trials) == pytest.approx(1 - upper, abs=2e-4)


@pytest.mark.parametrize("arguments", [["simulate", "--releases", "1", "--workers", "1", "--json"]])
def test_command_tells_what_is_not_met(arguments: Sequence[str]) -> None:
    """One release cannot prove five per cent: exit status 1, and JSON with each scenario's figures."""
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 1
    shown = json.loads(done.stdout)
    assert [one["scenario"] for one in shown["scenarios"]] == [*EQUAL, *WORSE]
    assert shown["met"] is False
    assert "not met: equal at 20 %" in done.stderr
