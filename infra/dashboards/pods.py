"""Panels about the pods of a service, of which the service's dashboard and that of its release have the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.dashboards import panels, queries
from infra.dashboards.panels import Query, Reading, graph

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

    from infra.dashboards.scope import Scope

_NAME = "{{slot}} {{version}}"
_TOKENS = "suffix: tokens/s"
_TEXTS = "suffix: texts"


def _median_and_worst(histogram: str, scope: Scope) -> list[Query]:
    return [
        Query(expr=queries.quantile(share, histogram, scope.matchers, by=queries.VERSION), legend=f"{name}, {_NAME}")
        for share, name in ((0.5, "median"), (0.99, "99 %"))
    ]


def queue(scope: Scope) -> Panel:
    """How full the queue is."""
    return graph(
        scope.title("Queue"),
        [
            Query(expr=f"batch_queue_texts{{{scope.matchers}}}", legend="{{pod}}"),
            Query(expr=f"max by (slot) (batch_queue_limit_texts{{{scope.matchers}}})", legend="most, {{slot}}"),
        ],
        Reading(
            says="Texts that wait for a run of the graph, in each pod. At the most that it takes, a pod answers 503.",
            unit=_TEXTS,
        ),
    )


def waiting(scope: Scope) -> Panel:
    """How long texts wait."""
    return graph(
        scope.title("Wait in the queue"),
        _median_and_worst("batch_queue_seconds", scope),
        Reading(
            says="How long a text waits until its run begins. It is part of the latency: where it grows and the run "
            "of the graph does not, more replicas help.",
            unit=panels.SECONDS,
            absent=scope.quiet,
        ),
    )


def batches(scope: Scope) -> Panel:
    """How large runs are."""
    mean = queries.ratio("batch_size_texts_sum", "batch_size_texts_count", scope.matchers, by=queries.VERSION)
    largest = queries.quantile(1, "batch_size_texts", scope.matchers, by=queries.VERSION)
    return graph(
        scope.title("Batch size"),
        [Query(expr=mean, legend=f"mean, {_NAME}"), Query(expr=largest, legend=f"largest, {_NAME}")],
        Reading(
            says="Texts in one run of the graph, the largest up to the next power of two. Runs grow with the load.",
            unit=_TEXTS,
            absent=scope.quiet,
        ),
    )


def runs(scope: Scope) -> Panel:
    """How long runs take."""
    return graph(
        scope.title("Run of the graph"),
        _median_and_worst("model_latency_seconds", scope),
        Reading(
            says="How long the model computes for one batch. A step here and none in the load is the model, "
            "the provider or the GPU.",
            unit=panels.SECONDS,
            absent=scope.quiet,
        ),
    )


def tokens(scope: Scope) -> Panel:
    """How much is computed."""
    return graph(
        scope.title("Tokens per second"),
        [Query(expr=queries.rate("tokens_total", scope.matchers, by=queries.VERSION), legend=_NAME)],
        Reading(
            says="Tokens that were run, without padding: the throughput that GPUs are bought for.",
            unit=_TOKENS,
            absent=scope.quiet,
        ),
        stacked=True,
    )


def padding(scope: Scope) -> Panel:
    """How much is computed for nothing."""
    wasted = queries.rate("padding_tokens_total", scope.matchers, by=queries.VERSION)
    useful = queries.rate("tokens_total", scope.matchers, by=queries.VERSION)
    return graph(
        scope.title("Padding"),
        [Query(expr=f"{wasted} / ({wasted} + {useful})", legend=_NAME)],
        Reading(
            says="Share of what the model computes that is padding, because the texts of a batch differ in length.",
            unit=panels.SHARE,
            absent=scope.quiet,
        ),
        most=1,
    )


def ready(scope: Scope) -> Panel:
    """How many pods there are."""
    return graph(
        scope.title("Pods"),
        [
            Query(expr=f"sum by ({queries.VERSION}) (service_ready{{{scope.matchers}}})", legend=f"ready, {_NAME}"),
            Query(expr=f"sum by (slot) (kube_deployment_spec_replicas{{{scope.matchers}}})", legend="wanted, {{slot}}"),
        ],
        Reading(says="Pods that take requests, and how many the stack file asks for.", unit=panels.COUNT),
    )


def restarts(scope: Scope) -> Panel:
    """Whether containers end."""
    return graph(
        scope.title("Restarts"),
        [
            Query(
                expr=f"sum by (pod) (increase(kube_pod_container_status_restarts_total{{{scope.matchers}}}[10m]))",
                legend="{{pod}}",
            )
        ],
        Reading(
            says="How often a container was started again within 10 minutes. Any is a reason to read its last log.",
            unit=panels.COUNT,
        ),
    )


def provider(scope: Scope) -> Panel:
    """What the pods compute with."""
    return panels.number(
        scope.title("Provider"),
        [Query(expr=f"sum by (slot) (provider_fallback{{{scope.matchers}}})", legend="{{slot}}")],
        Reading(
            says="Pods that run on another execution provider than they were promised: they answer right, and slowly.",
            unit=panels.COUNT,
        ),
        limit=panels.Limit(value=1, good="below", name="a single such pod"),
    )


def cache_misses(scope: Scope) -> Panel:
    """Whether engines were built ahead."""
    return panels.number(
        scope.title("Engine cache misses"),
        [Query(expr=f"sum by (slot) (engine_cache_misses_total{{{scope.matchers}}})", legend="{{slot}}")],
        Reading(
            says="How often the pods that run now found no engine built for their GPU when they started: then they are "
            "not ready, or became so minutes late.",
            unit=panels.COUNT,
        ),
        limit=panels.Limit(value=1, good="below", name="a single miss"),
    )


def cpu(scope: Scope) -> Panel:
    """How much of the processor is used."""
    return graph(
        scope.title("CPU"),
        [Query(expr=queries.rate("process_cpu_seconds_total", scope.matchers, by="pod"), legend="{{pod}}")],
        Reading(says="Processor cores that each pod's process is busy on.", unit="suffix: cores"),
    )


def memory(scope: Scope) -> Panel:
    """How much memory is used."""
    return graph(
        scope.title("Memory"),
        [Query(expr=f"process_resident_memory_bytes{{{scope.matchers}}}", legend="{{pod}}")],
        Reading(
            says="What each pod's process holds in memory. Past the pod's limit the kernel ends it.", unit=panels.BYTES
        ),
    )
