"""Reading Prometheus's times and the lines of the alert log."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from infra.kubernetes.monitoring import alert_log_server
from local import alert_log
from local.monitored import time_of

AT = datetime(2026, 11, 22, 13, 0, 5, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T13:00:05.123456789Z", AT),
        ("2026-11-22T13:00:05.123456Z", AT),
        ("2026-11-22T13:00:05.1Z", AT.replace(microsecond=100_000)),
        ("2026-11-22T13:00:05Z", AT.replace(microsecond=0)),
    ],
)
def test_times_have_any_number_of_digits(text: str, expected: datetime) -> None:
    """Kubernetes and Prometheus leave out zeros at the end, and know nanoseconds."""
    assert time_of(text) == expected


def test_a_line_of_the_alert_log_is_a_delivery() -> None:
    """What the pod writes is what is read: status, labels, annotations."""
    alert = {"status": "resolved", "labels": {"alertname": "A"}, "annotations": {"summary": "s"}}
    (line,) = alert_log_server.lines(json.dumps({"alerts": [alert]}).encode(), received=AT)
    delivery = alert_log.parse(AT, line)
    assert delivery is not None
    assert (delivery.at, delivery.status) == (AT, "resolved")
    assert (delivery.labels, delivery.annotations) == (alert["labels"], alert["annotations"])


@pytest.mark.parametrize("line", ["", "Traceback", "[]", '{"level": "info"}'])
def test_other_lines_are_no_deliveries(line: str) -> None:
    """Python's own words, for example, when the pod is broken."""
    assert alert_log.parse(AT, line) is None
