"""Finding one request's spans in the collector's file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local import traces
from local.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

TRACE, OTHER = "a" * 32, "b" * 32


def _span(
    name: str, identity: str, between: tuple[int, int], *, parent: str = "", trace: str = TRACE
) -> dict[str, Any]:
    return {
        "traceId": trace,
        "spanId": identity,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str(between[0] * 1_000_000),
        "endTimeUnixNano": str(between[1] * 1_000_000),
        "attributes": [{"key": "inferstack.texts", "value": {"intValue": "1"}}] if name == "run" else [],
    }


def _batch(service: str, *spans: dict[str, Any]) -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}) + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The pod's spans come before the gateway's, with another trace's among them, and a line that is being written."""
    written = tmp_path / "traces.json"
    written.write_text(
        _batch(
            "sentiment",
            _span("run", "3", (4, 8), parent="2"),
            _span("POST /v1/predict", "2", (2, 9), parent="1"),
            _span("POST /v1/predict", "9", (2, 9), trace=OTHER),
        )
        + _batch("envoy", _span("ingress", "1", (0, 10)))
        + f'{{"resourceSpans": "{TRACE}',
        encoding="utf-8",
    )
    return written


def test_a_trace_is_a_tree(file: Path) -> None:
    """From the gateway to the run, each span below its parent, with its begin and length, whatever came first."""
    assert traces.tree(traces.read([file], TRACE)) == [
        "    0.00 ms    10.00 ms  envoy: ingress",
        "    2.00 ms     7.00 ms    sentiment: POST /v1/predict",
        "    4.00 ms     4.00 ms      sentiment: run  inferstack.texts=1",
    ]


def test_a_span_without_its_parent_stands_at_the_top(tmp_path: Path) -> None:
    """The gateway may not have traced it, or its spans are gone."""
    written = tmp_path / "traces.json"
    written.write_text(_batch("sentiment", _span("request", "2", (2, 9), parent="1")), encoding="utf-8")
    assert traces.tree(traces.read([written], TRACE)) == ["    0.00 ms     7.00 ms  sentiment: request"]


@pytest.mark.parametrize("identity", ["", "x" * 32, TRACE[:-1], TRACE.upper()])
def test_what_is_no_id_is_refused(file: Path, identity: str) -> None:
    """The sentence says what one looks like."""
    with pytest.raises(ClusterError, match="is no trace id: 32 hexadecimal digits"):
        traces.read([file], identity)


def test_an_unknown_trace_has_no_spans(file: Path) -> None:
    """Not traced, not there yet, or no longer there: the command waits for a moment."""
    assert traces.read([file], "c" * 32) == []
