"""What users have met, by unit: what is counted, for whom, and that readers understand it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from serving.user_metrics import FAMILIES, HEADER, OWN_HEADER, Predicted, UserMetrics, unit_of
from tests.serving.scraping import PROMETHEUS, scrape

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient

    RunApp = Callable[..., AbstractContextManager[TestClient]]

_NAME = HEADER.lower().encode()


def users(client: TestClient, accept: str = "") -> dict[tuple[str, ...], float]:
    """All series of users, by name and the values of their labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for sample in scrape(client, accept)
        if sample.name in FAMILIES
    }


def ask(client: TestClient, bucket: str | None, body: Any, **headers: str) -> int:  # noqa: ANN401
    """Ask for predictions as the user of a bucket."""
    given = headers if bucket is None else headers | {HEADER: bucket}
    return client.post("/v1/predict", json=body, headers=given).status_code


def test_a_unit_has_what_its_users_met(run_app: RunApp, tiny_model: Path) -> None:
    """Two buckets are one unit: its requests, times, tokens, labels, scores and company in runs are summed."""
    with run_app(model_dir=tiny_model) as client:
        assert ask(client, "014", {"inputs": ["good", "bad film"]}) == 200
        assert ask(client, "015", {"inputs": ["wonderful"]}) == 200
        found = users(client)
    assert found[("user_requests_total", "007")] == 2
    assert found[("user_errors_total", "007")] == 0
    assert 0 < found[("user_log_seconds_total", "007")] < 2 * math.log(20 / 1e-4)
    assert found[("user_tokens_total", "007")] == 3 + 4 + 3  # two special tokens for each text
    assert found[("user_texts_total", "007", "positive")] == 2
    assert found[("user_texts_total", "007", "negative")] == 1
    assert 1.5 < found[("user_confidence_total", "007")] < 3
    assert found[("user_batch_texts_total", "007")] == 2 + 1
    assert {labels[1] for labels in found} == {"007"}


@pytest.mark.parametrize("bucket", [None, "", "7", "1000", "-01", "00a", "\u0660\u0660\u0661", "001, 002"])
def test_what_is_no_bucket_is_no_unit(client: TestClient, bucket: str | None) -> None:
    """Without a header, or with one that is not three digits, a request is of the unit none: no client makes series."""
    before = users(client).get(("user_requests_total", "none"), 0)
    headers = {} if bucket is None else {HEADER.encode(): bucket.encode()}
    assert client.post("/v1/predict", json={"inputs": ["good"]}, headers=headers).status_code == 200
    assert users(client)[("user_requests_total", "none")] == before + 1


@given(st.integers(0, 999))
def test_each_bucket_has_its_unit(bucket: int) -> None:
    """There are 500 units of two buckets each."""
    assert unit_of([(b"host", b"x"), (_NAME, b"%03d" % bucket)]) == f"{bucket // 2:03d}"


def test_two_headers_are_none() -> None:
    """The gateway would match both as one text, which is no bucket."""
    assert unit_of([(_NAME, b"001"), (_NAME, b"001")]) == "none"


def test_a_clients_own_mistakes_are_not_counted(run_app: RunApp, tiny_model: Path) -> None:
    """Refused requests and requests of the comparator say nothing of a version; nor do other paths."""
    with run_app(model_dir=tiny_model) as client:
        assert ask(client, "100", {"inputs": []}) == 422
        assert ask(client, "100", {"inputs": ["good"]}, **{OWN_HEADER: "1"}) == 200
        assert client.get("/docs", headers={HEADER: "100"}).status_code == 200
        assert users(client) == {}


def test_a_failure_of_the_service_is_an_error(run_app: RunApp, slow_model: Path) -> None:
    """What ends in 5xx is counted as a request, with its time, and as an error."""
    with run_app(model_dir=slow_model, request_timeout_seconds=0.05) as client:
        assert ask(client, "999", {"inputs": ["good"]}) == 504
        found = users(client)
    assert found[("user_requests_total", "499")] == found[("user_errors_total", "499")] == 1
    assert found[("user_log_seconds_total", "499")] >= math.log(0.05 / 1e-4)
    assert ("user_tokens_total", "499") not in found


def test_feedback_is_right_or_wrong(run_app: RunApp, tiny_model: Path, tmp_path: Path) -> None:
    """Ratings of 1 and 2 are wrong, of 4 and 5 right, of 3 neither; what was not stored is not counted."""
    with run_app(model_dir=tiny_model, database_url=f"sqlite:///{tmp_path}/feedback.db") as client:
        for rating in (1, 2, 3, 4, 5, 5, 6):
            body = {"query_id": "0" * 32, "rating": rating}
            client.post("/v1/feedback", json=body, headers={HEADER: "002"})
        found = users(client)
    assert found == {("user_feedback_total", "001", "wrong"): 2, ("user_feedback_total", "001", "right"): 3}


def test_both_formats_say_the_same_of_users(client: TestClient) -> None:
    """A reader of OpenMetrics and one of the text format see the same counters."""
    ask(client, "123", {"inputs": ["good"]})
    assert users(client) == users(client, PROMETHEUS) != {}


@given(st.text(), st.lists(st.tuples(st.integers(0, 999), st.floats(0, 1e4), st.integers(100, 599)), max_size=20))
def test_sums_never_fall_and_are_read_back(label: str, answers: list[tuple[int, float, int]]) -> None:
    """Whatever the label and the times, each series is a counter that Prometheus' own parser reads."""
    metrics = UserMetrics()
    last: dict[tuple[str, ...], float] = {}
    for bucket, seconds, status in answers:
        predicted = Predicted(labels=[label], confidence=0.5, tokens=3, batch_texts=1.5)
        metrics.answered([(_NAME, b"%03d" % bucket)], status=status, seconds=seconds, predicted=predicted)
        families = list(text_string_to_metric_families(metrics.exposition(openmetrics=False)))
        found: dict[tuple[str, ...], float] = {
            (each.name, *each.labels.values()): each.value for family in families for each in family.samples
        }
        assert all(found.get(key, -1) >= value for key, value in last.items())
        last = found
    counted = [status for _, _, status in answers if not 400 <= status < 500]
    assert sum(value for key, value in last.items() if key[0] == "user_requests_total") == len(counted)
    assert sum(value for key, value in last.items() if key[0] == "user_texts_total") == len(counted)
    assert {key[2] for key in last if key[0] == "user_texts_total"} <= {label}
