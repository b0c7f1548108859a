"""Tests of a service's other alerts: nothing known of it, slots without pods, causes; and what alerts say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra import naming
from infra.slo import service_alerts, windows
from infra.slo.names import Slo
from infra.slo.promtool import Case, Series, constant, counter, firing, series
from infra.slo.traffic import NEIGHBOUR, VERSION, Phase, judged, slots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Monitoring, Service
    from infra.slo.promtool import Check

_HOUR: Final = 61


def cases(service: Service, monitoring: Monitoring) -> Iterator[Case]:
    """The tests with a sample, and an evaluation, each minute."""
    yield _restart(service)
    yield from _absent(service)
    for slot, wanted in service.release.slots():
        if wanted.replicas:
            yield _not_ready(service, slot, wanted.version)
            yield from _gone(service, slot, wanted.version)
    yield from _queue(service)
    yield _fallback(service)
    yield _flags(service)
    if service.profile is not None:
        yield _cache_miss(service)
    yield _pods(service)
    yield _target_down(service)
    yield _told(service, monitoring)


def _labels(service: Service, severity: str = "ticket", **more: str) -> dict[str, str]:
    return {"severity": severity, "team": service.team, "service": service.name, **more}


def _pod(service: Service, index: int = 0) -> dict[str, str]:
    slot = slots(service)[index]
    version = "1.1.0" if index else VERSION
    return {
        "job": "serving",
        "service": service.name,
        "slot": slot,
        "version": version,
        "namespace": naming.SERVICES_NAMESPACE,
        "pod": f"{service.name}-{slot}-7d4b9c8f6d-x2x7k",
    }


def _of_slot(service: Service, index: int = 0) -> dict[str, str]:
    pod = _pod(service, index)
    return {key: pod[key] for key in ("slot", "version")}


def _restart(service: Service) -> Case:
    """Pods and gateway start anew: counters begin at nothing, and for two minutes nobody answers Prometheus."""
    requests = 1e5
    series_ = [
        _restarted(each)
        for slo in Slo
        for each in judged(service, slo, Phase(samples=30, requests=requests))
        if NEIGHBOUR not in each["series"]
    ]
    up = "1x29 0x1 1x29"
    wanted = {"namespace": naming.SERVICES_NAMESPACE}
    for slot, _ in service.release.slots():
        of = {**wanted, "deployment": naming.slot_name(service.name, slot)}
        series_.append(series("kube_deployment_spec_replicas", constant(1, _HOUR), of))
        series_.append(series("kube_deployment_status_replicas_ready", up, of))
    series_.append(series("up", up, _pod(service)))
    series_.append(series("envoy_cluster_membership_total", "1x29 _x2 1x29", service=service.name))
    alerts = (*service_alerts.BURN.values(), "ServiceMetricsAbsent", "SlotNotReady", "TargetDown")
    return Case(
        name="a restart of pods and gateway raises nothing",
        series=series_,
        checks=[firing(alert, f"{at}m") for alert in alerts for at in (31, 33, 36, 45, 59)],
    )


def _restarted(each: Series) -> Series:
    """The same series, a gap, and then the same once more from nothing."""
    return {**each, "values": f"{each['values']} _x2 {each['values']}"}


def _absent(service: Service) -> Iterator[Case]:
    if not any(slot.replicas for _, slot in service.release.slots()):
        return
    other = service.model_copy(update={"name": NEIGHBOUR})
    for source, name, of, not_of in (
        ("pods", "up", _pod(service), _pod(other)),
        ("gateway", "envoy_cluster_membership_total", {"service": service.name}, {"service": NEIGHBOUR}),
    ):
        fires = _labels(service, "page", source=source)
        only = {"source": source}
        absent = "ServiceMetricsAbsent"
        other_job = [series("up", constant(1, _HOUR), {**_pod(service), "job": "envoy"})] if name == "up" else []
        yield Case(
            name=f"{source}: absence of data is an alert of its own, and ends with it",
            series=[
                series(name, "1x9 stale _x19 1x29", of),
                series(name, constant(1, _HOUR), not_of),
                *other_job,
            ],
            checks=[
                firing(absent, "9m", only=only),
                firing(absent, "14m", only=only),
                firing(absent, "15m", fires, only=only),
                firing(absent, "29m", fires, only=only),
                firing(absent, "31m", only=only),
            ],
        )
    yield Case(
        name="pods: all of them are there and none answers",
        series=[series("up", "1x9 0x19", _pod(service))],
        checks=[
            firing("ServiceMetricsAbsent", "14m", only={"source": "pods"}),
            firing("ServiceMetricsAbsent", "15m", _labels(service, "page", source="pods"), only={"source": "pods"}),
        ],
    )


def _not_ready(service: Service, slot: str, version: str) -> Case:
    """One of two pods is lost for a quarter of an hour."""
    of = {"namespace": naming.SERVICES_NAMESPACE, "deployment": naming.slot_name(service.name, slot)}
    elsewhere = [{**of, "namespace": "elsewhere"}, {**of, "deployment": naming.slot_name(NEIGHBOUR, slot)}]
    alert, only = "SlotNotReady", {"slot": slot}
    fires = {**_labels(service, slot=slot, version=version), **of}
    return Case(
        name=f"{slot}: a pod that is not ready for ten minutes is told of",
        series=[
            series("kube_deployment_spec_replicas", constant(2, _HOUR), of),
            series("kube_deployment_spec_replicas", constant(2, _HOUR), of, instance="second"),
            series("kube_deployment_status_replicas_ready", "2x9 1x14 2x9", of),
            *(
                series(f"kube_deployment_{name}", constant(count, _HOUR), labels)
                for labels in elsewhere
                for name, count in (("spec_replicas", 2), ("status_replicas_ready", 0))
            ),
        ],
        checks=[
            firing(alert, "19m", only=only),
            firing(alert, "20m", fires, only=only),
            firing(alert, "25m", only=only),
        ],
    )


def _gone(service: Service, slot: str, version: str) -> Iterator[Case]:
    """Somebody has deleted the slot's Deployment; or nothing is known of any."""
    of = {"namespace": naming.SERVICES_NAMESPACE, "deployment": naming.slot_name(service.name, slot)}
    elsewhere = [{**of, "namespace": "elsewhere"}, {**of, "deployment": naming.slot_name(NEIGHBOUR, slot)}]
    alert, only, spec = "SlotNotReady", {"slot": slot}, "kube_deployment_spec_replicas"
    fires = {**_labels(service, slot=slot, version=version, missing="deployment"), **of}
    gone = series(spec, "2x9 stale _x19 2x29", of)
    yield Case(
        name=f"{slot}: a Deployment that is gone for ten minutes is told of",
        series=[gone, *(series(spec, constant(2, _HOUR), labels) for labels in elsewhere)],
        checks=[
            firing(alert, "19m", only=only),
            firing(alert, "20m", fires, only=only),
            firing(alert, "31m", only=only),
        ],
    )
    yield Case(
        name=f"{slot}: where no Deployment is known, none is missed",
        series=[gone],
        checks=[firing(alert, "25m", only=only)],
    )


def _queue(service: Service) -> Iterator[Case]:
    """Of two pods of a slot."""
    of, same = _pod(service), {**_pod(service), "pod": "another"}
    other = _pod(service.model_copy(update={"name": NEIGHBOUR}))
    for word, texts, expected in (
        ("nearly full", 83, [_labels(service, **_of_slot(service))]),
        ("busy", 77, []),
    ):
        yield Case(
            name=f"a queue that is {word}",
            series=[
                *(series("batch_queue_limit_texts", constant(100, 31), labels) for labels in (of, same, other)),
                series("batch_queue_texts", constant(texts, 31), of),
                series("batch_queue_texts", constant(texts, 31), same),
                series("batch_queue_texts", constant(100, 31), other),
            ],
            checks=[firing("QueueSaturated", "4m"), firing("QueueSaturated", "30m", *expected)],
        )


def _fallback(service: Service) -> Case:
    other = service.model_copy(update={"name": NEIGHBOUR})
    return Case(
        name="a pod of one slot runs on another provider than promised",
        series=[
            series("provider_fallback", constant(1, 31), _pod(service)),
            series("provider_fallback", constant(0, 31), _pod(service, 1)),
            series("provider_fallback", constant(1, 31), _pod(other)),
        ],
        checks=[
            firing("ProviderFallback", "4m"),
            firing("ProviderFallback", "5m", _labels(service, **_of_slot(service))),
        ],
    )


def _flags(service: Service) -> Case:
    other = service.model_copy(update={"name": NEIGHBOUR})
    return Case(
        name="two pods of one slot cannot use a feature flag",
        series=[
            series("feature_flag_problems", constant(1, 31), _pod(service)),
            series("feature_flag_problems", constant(1, 31), {**_pod(service), "pod": "another"}),
            series("feature_flag_problems", constant(1, 31), _pod(other)),
        ],
        checks=[
            firing("FeatureFlagProblem", "4m"),
            firing("FeatureFlagProblem", "5m", _labels(service, **_of_slot(service))),
        ],
    )


def _cache_miss(service: Service) -> Case:
    of, well = _pod(service), _pod(service, 1)
    other = _pod(service.model_copy(update={"name": NEIGHBOUR}))
    return Case(
        name="a pod found no engine when it started; after an hour that is history",
        series=[
            *(series("process_start_time_seconds", constant(0, 91), labels) for labels in (of, well, other)),
            series("engine_cache_misses_total", constant(1, 91), of),
            series("engine_cache_misses_total", constant(0, 91), well),
            series("engine_cache_misses_total", constant(1, 91), other),
        ],
        checks=[
            firing("EngineCacheMiss", "1m", _labels(service, **_of_slot(service))),
            firing("EngineCacheMiss", "59m", _labels(service, **_of_slot(service))),
            firing("EngineCacheMiss", "60m"),
        ],
    )


def _pods(service: Service) -> Case:
    """Of two pods one restarts again and again and finds no node; the other restarts once."""
    other = service.model_copy(update={"name": NEIGHBOUR})
    series_: list[Series] = []
    for pod, restarts in ((_pod(service), 3), (_pod(service, 1), 1), (_pod(other), 9)):
        of = {key: pod[key] for key in ("namespace", "pod", "service", "slot")}
        values = counter((10, 0), (restarts, 1), (100, 0))
        # As two kube-state-metrics tell of it, while one replaces the other.
        for instance in ("first", "second"):
            version = {"label_app_kubernetes_io_version": pod["version"], "instance": instance}
            series_.append(series("kube_pod_labels", constant(1, 110), of, **version))
        series_ += [
            series("kube_pod_container_status_restarts_total", values, of, container="serving"),
        ]
        if pod["slot"] == slots(service)[0]:
            series_.append(series("kube_pod_status_unschedulable", "_x5 1x29", of))
    pod = _pod(service)
    elsewhere = {**{key: pod[key] for key in ("pod", "service", "slot")}, "namespace": "elsewhere"}
    series_ += [
        series("kube_pod_labels", constant(1, 110), elsewhere),
        series("kube_pod_container_status_restarts_total", counter((110, 1)), elsewhere, container="serving"),
        series("kube_pod_status_unschedulable", constant(1, 110), elsewhere),
    ]
    fires = _labels(service, **{key: pod[key] for key in ("namespace", "pod", "slot", "version")})
    return Case(
        name="pods that restart, and pods without a node",
        series=series_,
        checks=[
            firing("PodRestarting", "9m"),
            firing("PodRestarting", "20m", {**fires, "container": "serving"}),
            firing("PodRestarting", "65m", {**fires, "container": "serving"}),
            firing("PodRestarting", "75m"),
            firing("PodUnschedulable", "19m"),
            firing("PodUnschedulable", "20m", fires),
            firing("PodUnschedulable", "45m"),
        ],
    )


def _target_down(service: Service) -> Case:
    other = service.model_copy(update={"name": NEIGHBOUR})
    fires = _labels(service, job="serving", **_of_slot(service))
    return Case(
        name="a pod that does not answer Prometheus",
        series=[
            series("up", constant(0, _HOUR), _pod(service)),
            series("up", constant(1, _HOUR), _pod(service, 1)),
            series("up", constant(0, _HOUR), _pod(other)),
            series("up", constant(0, _HOUR), {**_pod(service), "job": "another"}),
        ],
        checks=[firing("TargetDown", "9m"), firing("TargetDown", "10m", fires)],
    )


def _told(service: Service, monitoring: Monitoring) -> Case:
    """Everything fails: the words of each alert, with its values, and where its runbook is."""
    at = 20
    series_ = [each for slo in Slo for each in judged(service, slo, Phase(samples=at + 1, requests=1e6, bad=1))]
    series_.append(series("up", constant(1, at + 1), _pod(service)))
    return Case(
        name="what an alert tells: values, slots, versions, and its runbook",
        series=series_,
        alerts=[_all_bad(service, monitoring, slo, at=at) for slo in Slo],
    )


def _all_bad(service: Service, monitoring: Monitoring, slo: Slo, *, at: int) -> Check:
    alert, slot = service_alerts.BURN[slo], slots(service)[0]
    expected: list[Check] = []
    for window in windows.BURN_WINDOWS:
        words = service_alerts.words(service, slo, window)
        expected.append(
            {
                "exp_labels": _labels(service, window.severity, slo=slo.value, window=window.long),
                "exp_annotations": {
                    "summary": f"{service.name}: 100% {words.bad} within {window.long}; "
                    f"more than {words.limit} % is too much",
                    "description": f"{words.meaning} Bad in the last {windows.BASE}, by slot: {slot} 100%. "
                    f"Pods: 1 of {slot} {VERSION}.",
                    "runbook_url": f"{monitoring.runbooks.rstrip('/')}/{alert}.md",
                },
            }
        )
    return {"eval_time": f"{at}m", "alertname": alert, "exp_alerts": expected}
