"""Alerts on what users feel: a budget that burns, a service that nothing is known of, a slot without its pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra import naming
from infra.slo import names, recording, windows
from infra.slo.names import Slo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Service
    from infra.slo.rules import Alerts, Rule
    from infra.slo.windows import BurnWindow

BURN: Final = {Slo.AVAILABILITY: "AvailabilityBudgetBurn", Slo.LATENCY: "LatencyBudgetBurn"}
"""What the burn-rate alerts of each promise are called."""
# A pod's restart and a rollout take less: two minutes for the largest model to load.
_ABSENT_FOR: Final = "5m"
# As long as a Deployment may take until it counts as failed: progress_deadline_seconds of a slot.
_NOT_READY_FOR: Final = "10m"


def rules(service: Service, alerts: Alerts) -> Iterator[Rule]:
    """The alerts of a service, those that wake somebody first."""
    for slo in Slo:
        for window in windows.BURN_WINDOWS:
            yield _burn(service, alerts, slo, window)
    slots = tuple(name for name, slot in service.release.slots() if slot.replicas)
    if slots:  # a service that idles on purpose is not missed
        yield from _absent(service, alerts)
    for slot in slots:
        yield from _not_ready(service, alerts, slot)


def threshold(service: Service, slo: Slo, window: BurnWindow) -> float:
    """The share of bad requests above which that alert of a service fires, from 0 to 1."""
    return window.threshold(budget=recording.budget(service, slo), window_days=service.objective.window_days)


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a burn-rate alert says that is known before it fires.

    Attributes:
        bad: what is bad with the requests.
        limit: per cent of them above which it fires.
        meaning: the objective, and what such a pace does to it.
    """

    bad: str
    limit: str
    meaning: str


def words(service: Service, slo: Slo, window: BurnWindow) -> Words:
    """The words of a burn-rate alert."""
    objective, limit = service.objective, threshold(service, slo, window)
    days, pace = objective.window_days, limit / recording.budget(service, slo)
    if slo is Slo.AVAILABILITY:
        bad = "of the requests failed"
        promise = f"{objective.availability:g} % of requests get an answer that is no 5xx"
    else:
        bad = f"of the good answers took longer than {objective.latency.seconds:g} s"
        promise = f"{objective.latency.quantile:g} % of good answers come within {objective.latency.seconds:g} s"
    return Words(
        bad=bad,
        limit=f"{100 * limit:.4g}",
        meaning=f"The objective: over {days} days {promise}. "
        f"At {pace:.3g} times the pace that it allows, its error budget is gone in {days / pace:.3g} days.",
    )


def _burn(service: Service, alerts: Alerts, slo: Slo, window: BurnWindow) -> Rule:
    limit = names.number(threshold(service, slo, window))
    said = words(service, slo, window)

    def recorded(name: str) -> str:
        return names.selector(name, service=service.name, slo=slo)

    failures = f"{recorded(names.errors(window.long))} * {windows.SECONDS[window.long]}"
    return alerts.alert(
        BURN[slo],
        f"{recorded(names.ratio(window.long))} > {limit}\n"
        f"and {recorded(names.ratio(window.short))} > {limit}\n"
        f"and {failures} >= {windows.LEAST_FAILURES}",
        severity=window.severity,
        window=window.long,
        summary=f"{service.name}: {{{{ $value | humanizePercentage }}}} {said.bad} within {window.long}; "
        f"more than {said.limit} % is too much",
        description=f"{said.meaning} Bad in the last {windows.BASE}, by slot: {_bad_by_slot(service, slo)}. "
        f"Pods: {_versions(service)}.",
    )


def _bad_by_slot(service: Service, slo: Slo) -> str:
    query = names.selector(names.ratio(windows.BASE, level="slot"), service=service.name, slo=slo)
    return _each(query, "{{ .Labels.slot }} {{ .Value | humanizePercentage }}")


def _versions(service: Service) -> str:
    query = f"count by (slot, version) ({_up(service)} == 1)"
    return _each(query, "{{ .Value }} of {{ .Labels.slot }} {{ .Labels.version }}")


def _each(query: str, text: str) -> str:
    escaped = query.replace('"', '\\"')
    start = f'{{{{ range $i, $_ := query "{escaped}" | sortByLabel "slot" }}}}{{{{ if $i }}}}, {{{{ end }}}}'
    return f"{start}{text}{{{{ else }}}}none{{{{ end }}}}"


def _up(service: Service) -> str:
    return names.selector("up", job="serving", service=service.name)


def _absent(service: Service, alerts: Alerts) -> Iterator[Rule]:
    # Envoy has the size of a cluster from its start on, and counts of requests from the first request on.
    gateway = names.selector("envoy_cluster_membership_total", service=service.name)
    for source, series, who in (
        ("pods", f"{_up(service)} == 1", "no pod of it answers Prometheus"),
        ("gateway", gateway, "the gateway tells nothing of it"),
    ):
        yield alerts.alert(
            "ServiceMetricsAbsent",
            f"absent({series})",
            severity="page",
            source=source,
            summary=f"{service.name}: {who} for {_ABSENT_FOR}",
            description="Whether it keeps its objective is not known, and no other alert can tell.",
            wait=_ABSENT_FOR,
        )


def _not_ready(service: Service, alerts: Alerts, slot: str) -> Iterator[Rule]:
    version = dict(service.release.slots())[slot].version
    labels = {"namespace": naming.SERVICES_NAMESPACE, "deployment": naming.slot_name(service.name, slot)}
    there, ready = (
        names.selector(f"kube_deployment_{name}", **labels) for name in ("spec_replicas", "status_replicas_ready")
    )
    # While kube-state-metrics is replaced there are two of it, and each series twice.
    wanted, found = (f"max by (namespace, deployment) ({series})" for series in (there, ready))
    # Without any Deployment it is kube-state-metrics that is amiss, which PlatformMetricsAbsent tells.
    gone = f"absent({there}) and on () count(kube_deployment_spec_replicas)"
    for expr, state, missing in (
        (f"{wanted} - {found} > 0", "is {{ $value }} ready pods short", {}),
        (gone, "has no Deployment", {"missing": "deployment"}),
    ):
        yield alerts.alert(
            "SlotNotReady",
            expr,
            severity="ticket",
            slot=slot,
            version=version,
            **missing,
            summary=f"{service.name}: slot {slot}, {version}, {state} for {_NOT_READY_FOR}",
            description="Its share of the requests meets fewer pods than it was given; with none left, it fails.",
            wait=_NOT_READY_FOR,
        )
