"""Objectives, services and stacks for tests: any that settings allow, and some at the edges of what they allow."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import promql_parser
from hypothesis import strategies as st

from infra import settings
from infra.latency_buckets import LATENCY_SECONDS
from infra.settings import BlueGreenRelease, CanaryRelease, Latency, Objective, Service, Slot
from tests.infra.samples import MONITORING, TEAM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[3]
STACKS: Final = ("local", "dev", "staging", "prod")

OBJECTIVES: Final = st.builds(
    Objective,
    availability=st.floats(50, 99.999),
    latency=st.builds(Latency, quantile=st.floats(50, 99.999), seconds=st.sampled_from(LATENCY_SECONDS)),
    window_days=st.sampled_from((7, 28, 30)),
)

ODD: Final = {
    "loosest": Objective(availability=50, latency=Latency(quantile=50, seconds=0.001), window_days=7),
    "strictest": Objective(availability=99.999, latency=Latency(quantile=99.99, seconds=10.0), window_days=30),
    # Of both, some thresholds are brought below what a burn rate would give.
    "loose": Objective(availability=96, latency=Latency(quantile=90, seconds=1.0), window_days=28),
}


@cache
def read(stack: str) -> Settings:
    """A stack of this repository."""
    return settings.read(stack, ROOT)


def service(objective: Objective, *, replicas: int = 2, blue_green: bool = False) -> Service:
    """A service with that objective."""
    slot = Slot(version="1.2.3", replicas=replicas, weight=100)
    release = (
        BlueGreenRelease(strategy="blue_green", blue=slot)
        if blue_green
        else CanaryRelease(strategy="canary", stable=slot)
    )
    return Service(
        name="sentiment", task="text-classification", pool="gpu", team=TEAM, objective=objective, release=release
    )


def with_objective(objective: Objective) -> Settings:
    """The local stack, whose services have that objective."""
    stack = read("local")
    changed = tuple(each.model_copy(update={"objective": objective}) for each in stack.services)
    monitoring = MONITORING.model_copy(update={"retention_days": 30})
    return stack.model_copy(update={"services": changed, "monitoring": monitoring})


def rules_of(file: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rules of a rule file."""
    return (rule for group in file["groups"] for rule in group["rules"])


def alerts_of(file: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The alerts of a rule file."""
    return [rule for rule in rules_of(file) if "alert" in rule]


def metrics_of(expr: str) -> set[str]:
    """The metrics that a query names."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            found.add(node.name)
        elif isinstance(node, promql_parser.MatrixSelector) and node.vector_selector.name:
            found.add(node.vector_selector.name)

    promql_parser.walk(promql_parser.parse(expr), pre_visit=visit)
    return found
