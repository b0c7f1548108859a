"""What a canary is judged by: the objective, in the numbers that a release needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from infra.slo import recording, service_alerts, windows
from infra.slo.names import Slo

if TYPE_CHECKING:
    from infra.settings import Service

# Nothing bad among so many: then the true share lies below the budget with this confidence.
_CONFIDENCE: Final = 0.95


def thresholds(service: Service) -> dict[str, Any]:
    """The thresholds of a service's canary, as plain data.

    Per promise: the share of requests that may be bad (``budget_ratio``); how many requests must be seen before a
    candidate without any bad one may be called good (``minimum_requests``); and the pairs of windows, in seconds, with
    the share of bad requests at which the service's own alerts wake somebody (``page``): a candidate beyond it is
    taken back. Of latency also the bound in seconds and the quantile, from 0 to 1.
    """
    objective = service.objective
    latency = {"bound_seconds": objective.latency.seconds, "quantile": round(objective.latency.quantile / 100, 9)}
    return {
        "service": service.name,
        "window_days": objective.window_days,
        Slo.AVAILABILITY.value: _promise(service, Slo.AVAILABILITY),
        Slo.LATENCY.value: latency | _promise(service, Slo.LATENCY),
    }


def _promise(service: Service, slo: Slo) -> dict[str, Any]:
    budget = recording.budget(service, slo)
    return {
        "budget_ratio": budget,
        "minimum_requests": math.ceil(math.log(1 - _CONFIDENCE) / math.log(1 - budget)),
        "page": [
            {
                "long_seconds": windows.SECONDS[window.long],
                "short_seconds": windows.SECONDS[window.short],
                "error_ratio": round(service_alerts.threshold(service, slo, window), 9),
            }
            for window in windows.BURN_WINDOWS
            if window.severity == "page"
        ],
    }
