"""What a running Prometheus answers to the queries of a dashboard."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL: Final = re.compile(r"{{\s*(\w+)\s*}}")
_VARIABLE: Final = re.compile(r"\$(\w+|{\w+})")
_SCRAPES_IN_A_RATE: Final = 4


class PrometheusError(Exception):
    """Prometheus is not there, or does not take a query; the text is for the user."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time that a picture shows.

    Attributes:
        start, end: in seconds since 1970.
        step: seconds between two values.
        scrape: seconds between two scrapes.
    """

    start: float
    end: float
    step: float
    scrape: float = 15

    @property
    def rate(self) -> str:
        """What Grafana puts in the place of ``$__rate_interval``."""
        return f"{max(_SCRAPES_IN_A_RATE * self.scrape, self.step + self.scrape):.0f}s"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a graph: its name, and its values where it has some."""

    name: str
    times: tuple[float, ...]
    values: tuple[float, ...]


def plain(expr: str, *, rate: str = "1m") -> str:
    """A panel's query as Prometheus takes it: rates over a fixed time, and all values of each variable.

    Args:
        expr: with Grafana's variables.
        rate: in the place of ``$__rate_interval``.
    """
    return _VARIABLE.sub(lambda found: rate if found[1] == "__rate_interval" else ".+", expr)


def ask(client: httpx.Client, target: dict[str, Any], span: Span) -> Iterator[Series]:
    """Ask one query of a panel over a span of time.

    Args:
        client: its base URL is Prometheus's.
        target: the query, as a dashboard's JSON has it.
        span: the time.

    Raises:
        PrometheusError: nobody is there, or the query is refused.
    """
    question = {
        "query": plain(target["expr"], rate=span.rate),
        "start": span.start,
        "end": span.end,
        "step": span.step,
    }
    for result in get(client, "/api/v1/query_range", question)["result"]:
        samples = [(at, float(value)) for at, value in result["values"]]
        known = [(at, value) for at, value in samples if math.isfinite(value)]
        if known:
            times, values = zip(*known, strict=True)
            yield Series(name=_name(target["legendFormat"], result["metric"]), times=times, values=values)


def get(client: httpx.Client, path: str, question: dict[str, str | float]) -> dict[str, Any]:
    """Return the data of one answer of Prometheus's API.

    Raises:
        PrometheusError: nobody is there, or the question is refused.
    """
    try:
        answer = client.post(path, data={key: str(value) for key, value in question.items()})
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise PrometheusError(
            f"no Prometheus answers at {client.base_url} ({error}). Allowed: the URL of a running one, "
            "for example http://127.0.0.1:9090"
        ) from error
    if body.get("status") != "success":
        raise PrometheusError(f"Prometheus refuses the query {question['query']!r}: {body.get('error', body)}")
    return body["data"]


def _name(legend: str, labels: dict[str, str]) -> str:
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend).strip() or "value"
