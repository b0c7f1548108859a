from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra import slo
from infra.slo import checking
from tests.infra.slo import mutations
from tests.infra.slo.objectives import ROOT, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.slo.mutations import Mutant

pytestmark = pytest.mark.tools

# The kind of fault, and a part of where it is: of each kind in each sort of rule some, since all would take an hour.
FAULTS = (
    ("factor", "LatencyBudgetBurn page language sentiment 1h"),
    ("factor", "AvailabilityBudgetBurn ticket language sentiment 1d"),
    ("window", "AvailabilityBudgetBurn page language sentiment 1h"),
    ("window", "AvailabilityBudgetBurn ticket language sentiment 3d"),
    ("window", "LatencyBudgetBurn page language sentiment 6h"),
    ("range", "service:slo_errors:rate1h availability"),
    ("range", "service:slo_requests:rate5m latency"),
    ("least failures", "LatencyBudgetBurn page language sentiment 1h"),
    ("bucket", "service:slo_errors:rate5m latency"),
    ("budget", "service:slo_error_budget_left:ratio availability"),
    ("filter", "service:slo_errors:rate5m availability"),
    ("filter", "service:slo_requests:rate1h latency"),
    ("filter", "AvailabilityBudgetBurn page language sentiment 1h"),
    ("filter", "ServiceMetricsAbsent page language sentiment pods"),
    ("filter", "SlotNotReady"),
    ("label", "AvailabilityBudgetBurn page language sentiment 1h"),
    ("label", "ServiceMetricsAbsent page language sentiment gateway"),
    ("label", "service:slo_errors:ratio_rate5m latency"),
    ("shorter wait", "ServiceMetricsAbsent page language sentiment pods"),
    ("longer wait", "QueueSaturated"),
)


@cache
def rules() -> dict[str, Any]:
    """The rules of the service of prod."""
    stack = read("prod")
    return slo.service_rules(stack.services[0], stack.monitoring)


@cache
def files() -> dict[str, str]:
    """The generated rules and tests, as they are without a fault."""
    stack = read("prod")
    return slo.objective_files(stack.services[0], stack.monitoring)


def passes(folder: Path, mutant: Mutant) -> bool:
    """Whether the generated tests find nothing wrong with a mutant; those that take seconds are asked last."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(mutant.rules), encoding="utf-8")
    for name in ("tests.yaml", "slow-tests.yaml"):
        (folder / name).write_text(files()[name], encoding="utf-8")
    return all(_passes(folder / name, tests) for name, tests in _asked(mutant))


def _asked(mutant: Mutant) -> Iterator[tuple[str, str]]:
    """Files and names of the tests that are about what the mutant is of."""
    for promise in ("availability", "latency"):
        if promise in mutant.what.lower():
            yield "tests.yaml", f"^({promise}(:|.*threshold)|.*: its alerts)"
            yield "tests.yaml", f"^{promise}, .*burns"
            yield "slow-tests.yaml", f"^{promise}"
            return
    yield "tests.yaml", r"^(a|pods|gateway|blue|what)\b"


def _passes(file: Path, tests: str) -> bool:
    command = [checking.find(ROOT).promtool, "test", "rules", f"--run={tests}", str(file)]
    environment = {**os.environ, "TMPDIR": str(file.parent)}
    return not subprocess.run(command, check=False, capture_output=True, env=environment).returncode


@pytest.mark.parametrize(("kind", "place"), FAULTS, ids=[f"{kind}: {place}" for kind, place in FAULTS])
def test_a_fault_of_the_generator_fails_a_generated_test(kind: str, place: str, tmp_path: Path) -> None:
    """Each wrong factor, window, bucket, filter, label or wait at that place makes promtool fail."""
    found = [each for each in mutations.of(rules()) if each.kind == kind and re.match(re.escape(place), each.what)]
    assert found
    assert not [each.what for each in found if passes(tmp_path, each)]
