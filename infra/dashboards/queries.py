"""What the dashboards ask of a service, as PromQL over the metrics that its pods and the gateway export.

Each takes the matchers of the series, for example ``service="sentiment",slot="blue"``, and the labels that stay.
"""

from __future__ import annotations

from typing import Final

from infra.dashboards.panels import RATE
from infra.slo import names

VERSION: Final = "slot, version"
"""The labels that tell one version of a service from another."""


def rate(metric: str, matchers: str, *, by: str) -> str:
    """How fast a counter rises, in its unit each second."""
    return f"sum by ({by}) (rate({metric}{{{matchers}}}[{RATE}]))"


def ratio(part: str, whole: str, matchers: str, *, by: str) -> str:
    """How much of one counter's rise is another's, from 0 to 1; no series where nothing rises."""
    return f"{rate(part, matchers, by=by)} / {rate(whole, matchers, by=by)}"


def quantile(share: float, histogram: str, matchers: str, *, by: str) -> str:
    """The value that such a share of a histogram's observations stays below."""
    return f"histogram_quantile({share:g}, {rate(f'{histogram}_bucket', matchers, by=f'le, {by}')})"


def latency(share: float, matchers: str, *, by: str) -> str:
    """The time within which such a share of the good answers came, in seconds."""
    return quantile(
        share,
        "http_request_duration_seconds",
        f'{matchers},path="{names.PREDICT_PATH}",code="{names.GOOD_CODE}"',
        by=by,
    )
