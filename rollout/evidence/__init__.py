"""The evidence for and against a candidate: what Prometheus saw, judged by tests that may be looked at at any time."""

from rollout.evidence.judging import judge
from rollout.evidence.limits import Limits, Metric
from rollout.evidence.observations import Observations
from rollout.evidence.prometheus import Prometheus, read
from rollout.evidence.verdict import Decision, MetricVerdict, Verdict

__all__ = ["Decision", "Limits", "Metric", "MetricVerdict", "Observations", "Prometheus", "Verdict", "judge", "read"]
