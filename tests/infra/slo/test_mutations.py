from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from infra import slo
from infra.slo import checking, rendering
from tests.infra.slo import mutations
from tests.infra.slo.objectives import ROOT, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.slo.mutations import Mutant

pytestmark = pytest.mark.tools

# What the tests of an alert that belongs to no promise begin with.
OF_SYMPTOM = {"ServiceMetricsAbsent": "(pods|gateway): ", "SlotNotReady": "blue: ", "QueueSaturated": "a queue "}
BURN = re.compile(r"(Availability|Latency)BudgetBurn \w+ \w+ \w+ (?P<window>\w+):")

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
    ("range", "service:slo_errors:rate28d availability"),
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
def mutants() -> tuple[Mutant, ...]:
    """Those rules, with one fault each."""
    return tuple(mutations.of(rules()))


def at(kind: str, place: str) -> list[Mutant]:
    """Those with that kind of fault at that place."""
    return [each for each in mutants() if each.kind == kind and each.what.startswith(place)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the generated tests, as they are without a fault."""
    stack = read("prod")
    for name, text in slo.objective_files(stack.services[0], stack.monitoring).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def asked(mutant: Mutant) -> Iterator[str]:
    """Names of the tests that are about what the mutant is of, those first that are likely to find it.

    promtool evaluates every rule of the file in each test that is asked, so no others are.
    """
    promise = next((each for each in ("availability", "latency") if each in mutant.what.lower()), None)
    if promise is None:
        (tests,) = (tests for alert, tests in OF_SYMPTOM.items() if mutant.what.startswith(alert))
        yield f"^{tests}"
    elif burn := BURN.match(mutant.what):
        yield f"^{promise}, {burn['window']}: .* just .* threshold"
        yield f"^{promise}, {burn['window']}: .*burns"
        yield f"^({promise}: |.*: its alerts)"
    else:
        yield f"^({promise}: what is recorded|.*: its alerts)"
        yield f"^{promise}: the budget left"


def passes(folder: Path, rules: dict[str, Any], tests: str) -> bool:
    """Whether promtool finds nothing wrong with rules in the tests of that name."""
    (folder / rendering.RULES).write_text(json.dumps(rules), encoding="utf-8")
    files = sorted(map(str, folder.glob(rendering.TESTS)))
    command = [checking.find(ROOT).promtool, "test", "rules", f"--run={tests}", *files]
    environment = {**os.environ, "TMPDIR": str(folder)}
    return not subprocess.run(command, check=False, capture_output=True, env=environment).returncode


@pytest.mark.parametrize(("kind", "place"), FAULTS, ids=[f"{kind}: {place}" for kind, place in FAULTS])
def test_a_fault_of_the_generator_fails_a_generated_test(kind: str, place: str, folder: Path) -> None:
    """Each wrong factor, window, bucket, filter, label or wait at that place makes promtool fail."""
    found = at(kind, place)
    assert found
    assert not [each.what for each in found if all(passes(folder, each.rules, tests) for tests in asked(each))]


def test_without_a_fault_the_same_tests_pass(folder: Path) -> None:
    """Each test that a fault is asked of, so that what it finds is the fault."""
    every = {tests for fault in FAULTS for mutant in at(*fault) for tests in asked(mutant)}
    assert not [tests for tests in sorted(every) if not passes(folder, rules(), tests)]
