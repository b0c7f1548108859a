"""Reads what a scraper is given, in either format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from prometheus_client.metrics_core import Metric
    from prometheus_client.samples import Sample

# What Prometheus 3 sends.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def scrape(client: TestClient, accept: str = "") -> list[Sample]:
    """All samples, in the format that is asked for."""
    answer = client.get("/metrics", headers={"accept": accept})
    families: list[Metric]
    if answer.headers["content-type"].startswith("application/openmetrics-text"):
        untyped = cast("Any", openmetrics_parser)
        families = list(untyped.text_string_to_metric_families(answer.text))
    else:
        families = list(text_string_to_metric_families(answer.text))
    return [sample for family in families for sample in family.samples]
