"""Monitoring on the embedded cluster: real pods, with the configuration that the program generates, and real faults."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from infra import naming, settings
from infra import slo as slos
from infra.kubernetes.monitoring import discovery
from infra.slo import exported
from infra.slo.monitoring_alerts import jobs
from local.faults import lost_pod, target
from local.monitored import Monitored
from local.paths import Paths
from local.pods import is_ready
from local.stack import LocalStack
from tests.docs import blocks
from tests.local.conftest import CHECKOUT
from tests.local.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from local.api import Api
    from tests.local.conftest import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

PATHS = Paths.of_this_checkout()
LOCAL = settings.read("local", CHECKOUT)
SERVICE = LOCAL.services[0]
NAMESPACE = f"/api/v1/namespaces/{naming.MONITORING_NAMESPACE}"
# From the fault to its end: what people can be expected to watch.
FIRING_SECONDS = 300
# Counted from the first one on, and a file takes every span: the program at least knows the name.
WITHOUT_CAUSE = {"otelcol_exporter_send_failed_spans_total": "collector"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def api(cluster: RunningCluster) -> Api:
    """The cluster, with the stack as the repository's stack file says."""
    made = subprocess.run(["make", "up"], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=900)
    assert made.returncode == 0, made.stdout + made.stderr
    return cluster.api


@pytest.fixture(scope="module")
def monitored(api: Api) -> Monitored:
    """Prometheus and the alert log of the stack."""
    return Monitored(api)


def _config_map(api: Api, name: str) -> dict[str, str]:
    return api.get(f"{NAMESPACE}/configmaps/{name}")["data"]


def test_prometheus_has_the_generated_configuration(api: Api, monitored: Monitored) -> None:
    """Its file is what the program generates, it took it, and it has every rule of every group."""
    (written,) = _config_map(api, "prometheus").values()
    assert yaml.safe_load(written) == discovery.configuration(LOCAL, environment="local")
    (taken,) = monitored.query("prometheus_config_last_reload_successful")
    assert taken.value == 1
    loaded = {
        (group["name"], rule["name"]) for group in monitored.prometheus("rules")["groups"] for rule in group["rules"]
    }
    files = [slos.service_rules(service, LOCAL.monitoring) for service in LOCAL.services]
    generated = {
        (group["name"], rule.get("alert") or rule.get("record"))
        for file in (*files, slos.platform_rules(LOCAL))
        for group in file["groups"]
        for rule in group["rules"]
    }
    assert loaded == generated


def test_every_rule_is_evaluated(monitored: Monitored) -> None:
    """None has failed since it was loaded."""

    def failed() -> list[str]:
        groups = monitored.prometheus("rules")["groups"]
        return [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]

    assert failed() == []


def test_alertmanager_has_the_generated_configuration(api: Api, monitored: Monitored) -> None:
    """Its file is what the program generates, and the receivers that it knows are those of the stack."""
    written = _config_map(api, "alertmanager")
    assert written.items() <= slos.alertmanager_files(LOCAL).items()
    receivers = json.loads(monitored.get("alertmanager", 9093, "api/v2/receivers"))
    assert {each["name"] for each in receivers} == {each.name for each in LOCAL.monitoring.receivers}


def test_every_target_is_up(monitored: Monitored) -> None:
    """All jobs that the alerts miss when they are gone have targets, and every target answers."""

    def targets() -> dict[str, bool]:
        return {each.labels["job"]: each.value == 1 for each in monitored.query("min by (job) (up)")}

    expected = dict.fromkeys(("serving", *jobs(LOCAL)), True)
    # Prometheus is up before the gateway and the services are.
    with contextlib.suppress(AssertionError):
        wait_for("every target is up", lambda: targets() == expected, seconds=60)
    assert targets() == expected


def test_a_changed_objective_changes_what_is_derived_from_it_and_nothing_else(
    api: Api, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One preview changes a service's rules, their tests, its canary's thresholds and dashboards; nothing else."""
    assert api
    document = yaml.safe_load((CHECKOUT / "Pulumi.local.yaml").read_text(encoding="utf-8"))
    changed = copy.deepcopy(document)
    objective = changed["config"]["inferstack:services"][0]["objective"]
    objective["availability"] = 99.5
    objective["latency"] = {"quantile": 90, "seconds": 0.5}
    (tmp_path / "Pulumi.local.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert LocalStack(PATHS, folder=tmp_path).update("preview", ["--json"]) == 0
    output = capfd.readouterr().out
    steps = {
        step["urn"].rpartition("::")[2]: step
        for step in json.loads(output[output.index("{") :])["steps"]
        if step["op"] != "same"
    }
    assert {step["op"] for step in steps.values()} == {"update"}
    rules = steps.pop(f"objective-{SERVICE.name}")
    old, new = (rules[state]["inputs"]["data"] for state in ("oldState", "newState"))
    assert {key for key in new if new[key] != old[key]} == set(new) >= {"rules.yaml", "tests.sha256", "canary.json"}
    assert steps
    assert {name.partition("-")[0] for name in steps} == {"dashboards"}


def _drill(kind: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "local", "fault", kind, "--json"]
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _seconds(report: Json, since: str, what: str) -> float:
    """Between two kinds of events, the second one of the alert that was expected."""
    labels = report["expected"]["labels"].items()
    begin = next(event["at"] for event in report["events"] if event["what"] == since)
    end = next(event["at"] for event in report["events"] if event["what"] == what and labels <= event["labels"].items())
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def test_slow_pods_and_the_commands_of_the_document(api: Api) -> None:
    """Both faults at once: each raises its page within five minutes, and it is resolved; so says the document too."""
    assert api
    latency = _drill("latency")
    script = blocks.script(blocks.read(CHECKOUT / "docs/monitoring.md"), CHECKOUT)
    typed = subprocess.run(
        ["bash", "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=800
    )
    output, said = latency.communicate(timeout=800)
    assert typed.returncode == 0, typed.stdout[-4000:] + typed.stderr[-4000:]
    assert "== end" in typed.stderr
    for what in ("firing", "delivered", "resolved", "delivered as resolved"):
        assert re.search(rf"^AvailabilityBudgetBurn {what}: \d+ s after", typed.stdout, re.MULTILINE)
    assert latency.returncode == 0, said
    report: Json = json.loads(output)
    assert report["expected"]["labels"]["alertname"] == "LatencyBudgetBurn"
    assert _seconds(report, "fault begins", "delivered") < FIRING_SECONDS
    assert _seconds(report, "fault ends", "delivered as resolved") > 0


def test_every_metric_is_exported(monitored: Monitored) -> None:
    """Each metric that a rule or a panel may name has series here, or is one that its exporter has yet no cause for."""
    endpoint = target.Target.of(LOCAL, PATHS).endpoint
    wanted = exported.in_stack(LOCAL)

    def missing() -> frozenset[str]:
        # A counter that begins with its first event has no rate before its second.
        for inputs in (), ("a wonderful film",):  # a refusal, and an answer
            answer = httpx.post(f"{endpoint}/v1/predict", json={"inputs": list(inputs)}, timeout=15)
        if answer.is_success:
            httpx.post(f"{endpoint}/v1/feedback", json={"query_id": answer.json()["query_id"], "rating": 5}, timeout=15)
        found = monitored.query(f'count by (__name__) ({{__name__=~"{"|".join(sorted(wanted))}"}})')
        # What a family is for is told before it has a series.
        described = set(monitored.prometheus("metadata"))
        return wanted - {each.labels["__name__"] for each in found} - described

    # What looks back over days is recorded every other minute: after a drill it is there.
    with contextlib.suppress(AssertionError):
        wait_for("every metric is there", lambda: missing() <= WITHOUT_CAUSE.keys(), seconds=250)
    assert missing() <= WITHOUT_CAUSE.keys()
    for name, program in WITHOUT_CAUSE.items():
        assert name.removesuffix("_total").encode() in (PATHS.tools / program).read_bytes()


def test_a_lost_pod_is_told_and_comes_back_when_the_drill_is_killed(api: Api) -> None:
    """The gateway's 503 raise the page; `kill -9` of the drill leaves a stack that is whole, and nothing to undo."""
    drill = _drill("lost-pod")
    try:
        assert drill.stderr is not None
        lines = iter(drill.stderr.readline, "")
        assert any("AvailabilityBudgetBurn (page, 1h) delivered" in line for line in lines)
    finally:
        os.kill(drill.pid, signal.SIGKILL)
        drill.communicate()

    def whole() -> bool:
        nodes = api.get("/api/v1/nodes")["items"]
        pods = api.get(f"{target.PODS}?labelSelector={naming.SERVICE_LABEL}={SERVICE.name}")["items"]
        return not target.marked(nodes, lost_pod.KIND) and any(map(is_ready, pods))

    wait_for("the pod is back", whole, seconds=90)
    undone = subprocess.run(
        [sys.executable, "-m", "local", "fault", "--undo"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert undone.stdout == "there is no fault to undo\n"
