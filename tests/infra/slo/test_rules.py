from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import promql_parser
import pytest
from hypothesis import given

from infra import slo
from infra.settings import EksCluster
from infra.slo import exported, names, recording, rendering, service_alerts, windows
from infra.slo.names import Slo
from infra.slo.windows import BURN_WINDOWS
from tests.infra.samples import MONITORING
from tests.infra.slo.objectives import (
    OBJECTIVES,
    ODD,
    ROOT,
    STACKS,
    alerts_of,
    metrics_of,
    read,
    rules_of,
    service,
    with_objective,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from infra.settings import Objective, Settings

RUNBOOKS = ROOT / "docs" / "runbooks"


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> Settings:
    """Each stack that has a file."""
    return read(str(request.param))


def files(stack: Settings) -> Iterator[dict[str, Any]]:
    """The rule files of a stack."""
    yield slo.platform_rules(stack)
    yield from (slo.service_rules(each, stack.monitoring) for each in stack.services)


def test_every_alert_has_what_an_alert_needs(stack: Settings) -> None:
    """Severity, team, a summary with values, a description, and a runbook under the stack's own prefix."""
    for alert in (alert for file in files(stack) for alert in alerts_of(file)):
        name, labels, annotations = alert["alert"], alert["labels"], alert["annotations"]
        assert re.fullmatch(r"([A-Z][a-z]+)+", name)
        assert labels["severity"] in {"page", "ticket", "none"}
        assert labels["team"]
        assert annotations["description"].endswith(".")
        assert annotations["runbook_url"] == f"{stack.monitoring.runbooks}/{name}.md"
        told = "{{" in annotations["summary"] or alert["expr"].startswith("absent(") or name == "Watchdog"
        assert told, f"{name} has no value in its summary"


def test_every_alert_has_a_runbook(stack: Settings) -> None:
    """Whoever is woken finds docs/runbooks/<AlertName>.md."""
    wanted = {alert["alert"] for file in files(stack) for alert in alerts_of(file)}
    missing = {name for name in wanted if not (RUNBOOKS / f"{name}.md").is_file()}
    assert not missing


def test_alerts_of_a_service_name_it_and_its_team(stack: Settings) -> None:
    """Labels that routes and people go by."""
    for each in stack.services:
        for alert in alerts_of(slo.service_rules(each, stack.monitoring)):
            assert alert["labels"]["service"] == each.name
            assert alert["labels"]["team"] == each.team


def test_a_slots_alert_names_the_version_that_the_stack_wants_there() -> None:
    """Where no pod is there to say which version it is, the settings do."""
    alerts = alerts_of(slo.service_rules(service(ODD["loose"], blue_green=True), MONITORING))
    slots = [alert["labels"] for alert in alerts if alert["alert"] == "SlotNotReady"]
    assert {(labels["slot"], labels["version"]) for labels in slots} == {("blue", "1.2.3")}


def test_a_service_that_idles_is_not_missed() -> None:
    """With no replicas anywhere nothing is absent, and no slot waits for pods."""
    alerts = {alert["alert"] for alert in alerts_of(slo.service_rules(service(ODD["loose"], replicas=0), MONITORING))}
    assert "AvailabilityBudgetBurn" in alerts
    assert not alerts & {"ServiceMetricsAbsent", "SlotNotReady"}


def test_no_rule_has_a_metric_that_nothing_exports(stack: Settings) -> None:
    """Each name in a rule is exported by a component of the stack, or recorded by a rule of it."""
    there = exported.in_stack(stack)
    for rule in (rule for file in files(stack) for rule in rules_of(file)):
        unknown = metrics_of(rule["expr"]) - there
        assert not unknown, f"{rule.get('alert', rule.get('record'))}: {unknown}"


def test_queries_in_annotations_have_no_metric_that_nothing_exports(stack: Settings) -> None:
    """What an alert looks up when it fires is there too."""
    there = exported.in_stack(stack)
    for alert in (alert for file in files(stack) for alert in alerts_of(file)):
        for text in alert["annotations"].values():
            for query in re.findall(r'query "((?:[^"\\]|\\.)*)"', text):
                assert metrics_of(query.replace('\\"', '"')) <= there


def test_what_is_recorded_is_what_names_says() -> None:
    """Dashboards take the names from names.recorded: it lists what the rules record, no more and no less."""
    for each in ODD.values():
        rules = rules_of(slo.service_rules(service(each), MONITORING))
        assert {rule["record"] for rule in rules if "record" in rule} == names.recorded(each.window_days)


def test_gpu_rules_are_where_a_dcgm_exporter_is(stack: Settings) -> None:
    """Simulated GPUs have no exporter, so an alert on them could never fire."""
    used = {name for rule in rules_of(slo.platform_rules(stack)) for name in metrics_of(rule["expr"])}
    assert bool(used & exported.DCGM_EXPORTER) == isinstance(stack.cluster, EksCluster)


def test_no_rule_asks_for_a_control_plane(stack: Settings) -> None:
    """EKS shows neither etcd nor scheduler nor controller manager: alerts on them would fire always or never."""
    text = "\n".join(slo.render(stack).values())
    for word in ("apiserver", "etcd", "kube-scheduler", "controller-manager", "KubeAPI", "workqueue"):
        assert word not in text


@given(objective=OBJECTIVES)
def test_rules_of_any_objective_are_promql(objective: Objective) -> None:
    """Whatever the settings allow, each expression is one that Prometheus's grammar takes."""
    for rule in rules_of(slo.service_rules(service(objective), MONITORING)):
        promql_parser.parse(rule["expr"])


@given(objective=OBJECTIVES)
def test_thresholds_of_rules_can_be_reached(objective: Objective) -> None:
    """Every burn-rate alert is there, and compares with a share between its budget and one."""
    each = service(objective)
    rules = {
        (rule["alert"], rule["labels"].get("window")): rule["expr"]
        for rule in alerts_of(slo.service_rules(each, MONITORING))
    }
    for promise in Slo:
        for window in BURN_WINDOWS:
            limits = re.findall(r"> ([0-9.e-]+)$", rules[service_alerts.BURN[promise], window.long], re.MULTILINE)
            assert len(limits) == 2
            assert limits[0] == limits[1]
            assert recording.budget(each, promise) * 0.999999 <= float(limits[0]) < 1


@given(objective=OBJECTIVES)
def test_a_canary_is_judged_by_what_the_rules_say(objective: Objective) -> None:
    """Budget, bound, windows and thresholds of the canary are those of the service's own alerts."""
    each = service(objective)
    canary = slo.thresholds(each)
    assert canary["latency"]["bound_seconds"] == objective.latency.seconds
    for promise in Slo:
        judged = canary[promise.value]
        assert judged["budget_ratio"] == recording.budget(each, promise)
        # Without a bad one among so many, the true share is below the budget with 95 % confidence, and not before.
        chance = (1 - judged["budget_ratio"]) ** judged["minimum_requests"]
        assert chance <= 0.05 < (1 - judged["budget_ratio"]) ** (judged["minimum_requests"] - 1) * (1 + 1e-9)
        pages = [window for window in BURN_WINDOWS if window.severity == "page"]
        assert [(page["long_seconds"], page["short_seconds"]) for page in judged["page"]] == [
            (windows.seconds(window.long), windows.seconds(window.short)) for window in pages
        ]
        assert [page["error_ratio"] for page in judged["page"]] == pytest.approx(
            [service_alerts.threshold(each, promise, window) for window in pages], abs=1e-9
        )


def test_an_objective_changes_rules_tests_and_canary_and_nothing_else() -> None:
    """Another objective of a service changes the files of that service alone."""
    before, after = (slo.render(with_objective(ODD[name])) for name in ("loose", "strictest"))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        "objective-sentiment/rules.yaml",
        "objective-sentiment/tests.yaml",
        "objective-sentiment/tests-each-12h.yaml",
        "objective-sentiment/tests-each-5m.yaml",
        "objective-sentiment/tests-each-60m.yaml",
        "objective-sentiment/canary.json",
    }


def test_nobody_is_woken_by_a_cause() -> None:
    """Somebody is woken by what users feel; what may become that one day waits for the morning."""
    symptoms = {*service_alerts.BURN.values(), "ServiceMetricsAbsent"}
    for name in STACKS:
        for file in files(read(name)):
            waking = {alert["alert"] for alert in alerts_of(file) if alert["labels"]["severity"] == "page"}
            assert waking <= symptoms


def test_a_cluster_keeps_digests_of_the_tests_that_can_be_rendered_again() -> None:
    """`sha256sum --check` in a rendered folder tells whether its tests are those of the cluster."""
    files = rendering.platform_files(read("prod"))
    kept = rendering.kept(files)
    assert kept.keys() == {"rules.yaml", "tests.sha256"}
    assert kept["tests.sha256"] == f"{hashlib.sha256(files['tests.yaml'].encode()).hexdigest()}  tests.yaml\n"
