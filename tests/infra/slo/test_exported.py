from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from infra import settings
from infra.kubernetes import dcgm_exporter
from infra.latency_buckets import LATENCY_SECONDS
from infra.slo import exported, names
from serving import metrics, user_metrics
from serving.comparison import ShadowMetrics
from serving.metrics import Metrics

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

ROOT = Path(__file__).parents[3]


def test_serving_exports_what_rules_and_panels_may_use() -> None:
    """Every name is a family of serving's registry or of its users' sums; histograms have buckets, sums and counts."""
    assert _families(Metrics().registry) | set(user_metrics.FAMILIES) >= exported.SERVING


def test_the_shadow_exports_what_rules_and_panels_may_use() -> None:
    """Every name is a family of the comparator's own registry."""
    assert _families(ShadowMetrics().registry) >= exported.SHADOW
    plain = settings.read("local", ROOT)
    release = plain.services[0].release.model_copy(update={"mirror": 10})
    service = plain.services[0].model_copy(update={"release": release})
    # Neither has a candidate now: a step of a release changes nothing of monitoring.
    assert not exported.in_stack(plain) & exported.SHADOW
    assert exported.in_stack(plain.model_copy(update={"services": (service,)})) >= exported.SHADOW


def _families(registry: CollectorRegistry) -> set[str]:
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
    return {f"{family.name}{suffix}" for family in registry.collect() for suffix in suffixes.get(family.type, ("",))}


def test_latency_buckets_are_servings() -> None:
    """An objective's bound is a bucket of what is counted: the program and the image have the same numbers."""
    assert metrics.LATENCY_SECONDS == LATENCY_SECONDS


def test_a_buckets_label_is_what_serving_writes() -> None:
    """The label of each bound is the text that stands in serving's metrics."""
    registry = Metrics()
    registry.request_seconds.labels(names.PREDICT_PATH, names.GOOD_CODE).observe(0.1)
    family = next(each for each in registry.registry.collect() if each.name == "http_request_duration_seconds")
    labels = {sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")}
    assert labels == {*(names.le(bound) for bound in LATENCY_SECONDS), "+Inf"}


def test_the_dcgm_exporter_is_told_to_export_what_rules_and_panels_may_use() -> None:
    """The list of counters that it starts with is the one that is named here."""
    told = set(re.findall(r"\"(DCGM_FI_[A-Z_]+)\"", Path(dcgm_exporter.__file__).read_text(encoding="utf-8")))
    assert told == exported.DCGM_EXPORTER
