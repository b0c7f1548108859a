"""Reading Prometheus: a release that is written out as its counters is read back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest

from infra.slo import windows
from rollout.evidence import Decision, judge, read
from rollout.evidence.simulation.releases import release
from rollout.evidence.simulation.scenario import OBJECTIVE, Scenario
from tests.rollout import range_queries, stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollout.evidence import Observations

_SINCE = datetime(2026, 1, 5, 12, tzinfo=UTC)
_PAGES = [{"long_seconds": 3600, "short_seconds": 300, "error_ratio": 0.144}]


class Stored:
    """A Prometheus that holds a release."""

    def __init__(self, seen: Observations, *, bad_share: float = 0.0) -> None:
        self.series = stored.counters(seen, reference="baseline", service="sentiment")
        self.bad_share = bad_share
        self.queries = list[str]()

    def query_range(self, query: str, start: float, end: float, step: float) -> Sequence[Mapping[str, Any]]:
        """Answer selectors by their labels, and all else as the recorded rates of bad requests."""
        promql_parser.parse(query)
        self.queries.append(query)
        if query.startswith("sum"):
            rate = 10 * (self.bad_share if "errors" in query else 1.0)
            return [
                {"metric": {"slo": slo, "slot": slot}, "values": [(end, str(rate))]}
                for slo in ("availability", "latency")
                for slot in ("candidate", "baseline")
            ]
        return range_queries.answer(self.series, _SINCE.timestamp(), query, start, end, step)


@pytest.fixture(scope="module")
def seen() -> Observations:
    """A small release."""
    return release(Scenario(weight=5, minutes=20, compared_requests=4_000, history_minutes=0), seed=1)


def test_counters_are_read_as_they_were(seen: Observations) -> None:
    """Restarts and pods that come change nothing: the increments and the verdict are those of the release."""
    back = read(Stored(seen), "sentiment", "candidate", "baseline", _SINCE, _SINCE + timedelta(minutes=20, seconds=30))
    units = seen.candidate.requests.shape[1]
    for name in ("requests", "errors", "log_seconds", "tokens", "confidence", "right", "wrong"):
        for side in ("candidate", "reference"):
            expected, found = getattr(getattr(seen, side), name), getattr(getattr(back, side), name)
            # In the minute of the restart, a pod that had counted less than before it cannot be told apart.
            assert found[:, :units].sum() == pytest.approx(expected.sum(), rel=0.03), name
            assert not found[:, units:].any()
    assert back.mirrored is not None
    assert set(back.candidate.texts) == {"negative", "positive"}
    assert judge(back, objective=OBJECTIVE).decision is judge(seen, objective=OBJECTIVE).decision


def test_nothing_yet_is_nothing(seen: Observations) -> None:
    """Half a minute after the step began there is no interval, and the verdict is hold."""
    back = read(Stored(seen), "sentiment", "candidate", "baseline", _SINCE, _SINCE + timedelta(seconds=30))
    assert back.requests == 0
    assert judge(back, objective=OBJECTIVE).decision is Decision.HOLD


def test_windows_of_the_objective_are_no_longer_than_the_step(seen: Observations) -> None:
    """The guard asks for the recorded rates of the slot over the step so far: what was before is no fault of it."""
    stored = Stored(seen, bad_share=0.3)
    objective = {
        slo: {"budget_ratio": 0.01, "minimum_requests": 299, "page": _PAGES} for slo in ("availability", "latency")
    }
    until = _SINCE + timedelta(minutes=20)
    back = read(stored, "sentiment", "candidate", "baseline", _SINCE, until, objective=objective)
    assert back.pages[0].long.candidate == pytest.approx(0.3)
    asked = [query for query in stored.queries if query.startswith("sum")]
    assert any("[1200s]" in query for query in asked)
    assert not any("[3600s]" in query for query in asked)
    assert all(f"rate{windows.BASE}" in query for query in asked)
    assert judge(back, objective=objective).decision is Decision.HOLD  # the reference is as bad
