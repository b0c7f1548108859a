"""Alerts on what makes a service break its objective, or soon will: tickets, since users feel nothing of it yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.slo import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Service
    from infra.slo.rules import Alerts, Rule

_BY: Final = "service, slot, version"
_QUEUE_SHARE: Final = 0.8
# Longer than a burst of requests takes, so that more pods would help.
_QUEUE_FOR: Final = "5m"
_TARGET_DOWN_FOR: Final = "10m"
_YOUNG_SECONDS: Final = 3600


def rules(service: Service, alerts: Alerts) -> Iterator[Rule]:
    """The alerts on the pods' own view of themselves."""
    of = {"service": service.name}
    place = f"{service.name}: slot {{{{ $labels.slot }}}}, {{{{ $labels.version }}}}"
    waiting = f"sum by ({_BY}) (avg_over_time({names.selector('batch_queue_texts', **of)}[5m]))"
    room = f"sum by ({_BY}) ({names.selector('batch_queue_limit_texts', **of)})"
    yield alerts.alert(
        "QueueSaturated",
        f"{waiting} / {room} > {_QUEUE_SHARE}",
        severity="ticket",
        summary=f"{place}, has its queue {{{{ $value | humanizePercentage }}}} full",
        description="Requests wait longer and longer; when it is full, they are answered by 503.",
        wait=_QUEUE_FOR,
    )
    yield alerts.alert(
        "ProviderFallback",
        f"sum by ({_BY}) ({names.selector('provider_fallback', **of)}) > 0",
        severity="ticket",
        summary=f"{place}, runs on another provider than promised in {{{{ $value }}}} pods",
        description="Such a pod does not become ready: the slot lacks it, and with all of its pods its requests fail.",
        wait="5m",
    )
    yield alerts.alert(
        "FeatureFlagProblem",
        f"max by ({_BY}) ({names.selector('feature_flag_problems', **of)}) > 0",
        severity="ticket",
        summary=f"{place}, cannot use {{{{ $value }}}} things in its file of feature flags",
        description="What the stack file asks for is not in force: its version does without.",
        wait="5m",
    )
    if service.profile is not None:
        yield _engine_cache_miss(service, alerts, place)
    up = names.selector("up", job="serving", **of)
    yield alerts.alert(
        "TargetDown",
        f"count by (job, node, {_BY}) ({up} == 0)",
        severity="ticket",
        summary=f"{place}: {{{{ $value }}}} pods do not answer Prometheus for {_TARGET_DOWN_FOR}",
        description="What these pods know is missing in the other alerts, and they may not answer others either.",
        wait=_TARGET_DOWN_FOR,
    )


def _engine_cache_miss(service: Service, alerts: Alerts, place: str) -> Rule:
    # It happens while a pod starts, before Prometheus has seen the counter at 0: a rise is never seen.
    misses = names.selector("engine_cache_misses_total", service=service.name)
    started = names.selector("process_start_time_seconds", job="serving", service=service.name)
    young = f"time() - {started} < {_YOUNG_SECONDS}"
    return alerts.alert(
        "EngineCacheMiss",
        f"sum by ({_BY}) ({misses} and on (namespace, pod) ({young})) > 0",
        severity="ticket",
        summary=f"{place}: {{{{ $value }}}} times within 1h a pod found no engine that fits it in the cache",
        description="It restarts every two minutes without getting ready: the engine's Job has not built for its GPU.",
    )
