"""A Prometheus that knows a wave of every series that it is asked for."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import httpx

from tests.infra.dashboards.boards import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

_LABELS = {
    "service": "sentiment",
    "slot": "stable",
    "version": "0.1.0",
    "pod": "sentiment-stable-0",
    "node": "inferstack-local",
    "envoy_response_code_class": "2",
    "severity": "page",
}


def client(known: Callable[[str], bool] = lambda _: True) -> httpx.Client:
    """A client of it.

    Args:
        known: says of the name of a metric whether there is a series of it.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        asked = {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
        start, end, step = (float(asked[key]) for key in ("start", "end", "step"))
        times = [start + index * step for index in range(int((end - start) / step) + 1)]
        wave = [[at, f"{0.3 + 0.2 * math.sin(at / 300)}"] for at in times]
        there = all(known(name) for name in metrics(asked["query"]))
        result = [{"metric": _LABELS, "values": wave}] if there else []
        return httpx.Response(200, content=json.dumps({"status": "success", "data": {"result": result}}))

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://prometheus.test")
