"""What Prometheus reads, and which labels it gives to that."""

from __future__ import annotations

from typing import Any

import pytest

from infra import naming, settings
from infra.kubernetes.monitoring import discovery
from tests.infra.monitoring.relabelling import relabel, targets
from tests.infra.stacks import ROOT, declare

STACKS = ("local", "dev", "staging", "prod")


def _configuration(stack: str) -> dict[str, Any]:
    return discovery.configuration(settings.read(stack, ROOT), environment=stack)


def _job(stack: str, name: str) -> dict[str, Any]:
    return next(job for job in _configuration(stack)["scrape_configs"] if job["job_name"] == name)


def _pod(labels: dict[str, str], **ports: int) -> dict[str, Any]:
    named = [{"name": name, "containerPort": number} for name, number in ports.items()]
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "ports": named}]}}


def _slot(service: str, slot: str, version: str) -> dict[str, Any]:
    name = naming.slot_name(service, slot)
    labels = {
        **naming.labels(name, "local"),
        naming.SERVICE_LABEL: service,
        naming.SLOT_LABEL: slot,
        "app.kubernetes.io/version": version,
    }
    return _pod(labels, http=8080)


def test_a_serving_pod_tells_its_service_slot_and_version() -> None:
    """Each slot's pods are read, and their series say of what they are, without a word of configuration."""
    found = list(targets(_configuration("local"), "inferstack", _slot("toxicity", "candidate", "1.2.0-rc.1")))
    ((_, labels),) = found
    assert labels == {
        "job": "serving",
        "service": "toxicity",
        "slot": "candidate",
        "version": "1.2.0-rc.1",
        "namespace": "inferstack",
        "pod": "pod",
        "node": "node",
    }


def test_a_pod_that_builds_engines_is_not_read() -> None:
    """It is of a service, but of no slot: it answers nobody."""
    labels = {**naming.labels("sentiment-0-1-0-engine", "prod"), naming.SERVICE_LABEL: "sentiment"}
    assert list(targets(_configuration("prod"), "inferstack", _pod(labels, http=8080))) == []


def test_a_component_that_comes_is_read_by_the_name_of_its_port() -> None:
    """Whatever the platform runs is read at its port ``metrics``, under a job of its own name, and at no other port."""
    pod = _pod(naming.labels("newcomer", "local"), http=80, metrics=9999)
    ((_, labels),) = targets(_configuration("local"), naming.MONITORING_NAMESPACE, pod)
    assert labels["job"] == "newcomer"


def test_what_is_no_part_of_the_platform_is_not_read() -> None:
    """A pod of somebody else's in the same namespace is left alone."""
    pod = _pod({"app.kubernetes.io/name": "stranger"}, metrics=9999)
    assert list(targets(_configuration("local"), naming.GATEWAY_NAMESPACE, pod)) == []


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_each_metrics_port_of_a_stack_is_read_once(stack: str) -> None:
    """Every pod that the program declares with such a port is read by one job, and every job reads something."""
    configuration = _configuration(stack)
    used = set[str]()
    for each in declare(stack):
        template: dict[str, Any] = each.inputs.get("spec", {}).get("template", {})
        if not each.type.startswith("kubernetes:") or not template:
            continue
        ports = [port["name"] for container in template["spec"]["containers"] for port in container.get("ports", ())]
        of_a_slot = naming.SLOT_LABEL in template["metadata"]["labels"]
        found = list(targets(configuration, each.inputs["metadata"]["namespace"], template))
        assert len(found) == ports.count("http" if of_a_slot else "metrics"), each.name
        used |= {job["job_name"] for job, _ in found}
    assert used == {job["job_name"] for job in configuration["scrape_configs"]}


@pytest.mark.parametrize("stack", STACKS)
def test_a_slot_is_known_at_the_gateway(stack: str) -> None:
    """Series of Envoy's clusters get service and slot; those of other clusters get neither."""
    rules = _job(stack, "envoy")["metric_relabel_configs"]
    known = relabel({"envoy_cluster_name": "inferstack_sentiment-blue-v2-green_8080"}, rules)
    assert known is not None
    assert (known["service"], known["slot"]) == ("sentiment-blue-v2", "green")
    for other in ("inferstack-gateway_contour_8001", "inferstack_sentiment_8080", "other_sentiment-blue_8080"):
        assert relabel({"envoy_cluster_name": other}, rules) == {"envoy_cluster_name": other}


def test_a_slot_is_known_to_kubernetes() -> None:
    """Series about a slot's pods or Deployment get service and slot; those about other pods of that name do not."""
    rules = _job("local", "kube-state-metrics")["metric_relabel_configs"]
    of_slot = {"service": "sentiment", "slot": "stable"}
    for about in ({"pod": "sentiment-stable-6d4cf56db6-x2x7q"}, {"deployment": "sentiment-stable"}):
        labels = {"namespace": "inferstack", **about}
        assert relabel(labels, rules) == {**labels, **of_slot}
        elsewhere = {"namespace": "default", **about}
        assert relabel(elsewhere, rules) == elsewhere


def test_who_speaks_of_others_keeps_what_it_says() -> None:
    """Pods and namespaces in the series of kube-state-metrics and of DCGM's exporter are those that they speak of."""
    for name in ("kube-state-metrics", "dcgm-exporter"):
        job = _job("prod", name)
        assert job["honor_labels"] is True
        assert {rule.get("target_label") for rule in job["relabel_configs"]} <= {None, "node"}


def test_what_a_cluster_has_not_is_not_looked_for() -> None:
    """GPUs that are simulated have no exporter, and Prometheus needs no right in namespaces that are not there."""
    assert discovery.namespaces(settings.read("local", ROOT).cluster) == (
        naming.SERVICES_NAMESPACE,
        naming.GATEWAY_NAMESPACE,
        naming.MONITORING_NAMESPACE,
    )
    assert "dcgm-exporter" not in {job["job_name"] for job in _configuration("local")["scrape_configs"]}
    assert {naming.GPU_NAMESPACE, naming.SYSTEM_NAMESPACE} < set(
        discovery.namespaces(settings.read("prod", ROOT).cluster)
    )


@pytest.mark.parametrize("stack", STACKS)
def test_it_looks_where_it_may_and_nowhere_else(stack: str) -> None:
    """Every discovery names its namespaces, and all of them are those in which the account has rights."""
    configuration = _configuration(stack)
    lists = [
        each["kubernetes_sd_configs"]
        for each in (*configuration["scrape_configs"], *configuration["alerting"]["alertmanagers"])
    ]
    named = {name for configs in lists for config in configs for name in config["namespaces"]["names"]}
    assert named == set(discovery.namespaces(settings.read(stack, ROOT).cluster))


def test_two_of_a_pair_differ_but_their_alerts_do_not() -> None:
    """The label that tells the pair apart comes from the pod's name, and is taken from alerts, or each came twice."""
    configuration = _configuration("prod")
    external = configuration["global"]["external_labels"]
    assert external == {"environment": "prod", "replica": "${POD_NAME}"}
    told = relabel({"alertname": "Any", **external}, configuration["alerting"]["alert_relabel_configs"])
    assert told == {"alertname": "Any", "environment": "prod"}


@pytest.mark.parametrize("stack", STACKS)
def test_an_answer_that_takes_long_is_given_up_before_the_next_question(stack: str) -> None:
    """The timeout is below the interval, and the embedded cluster is read more often than the others."""
    timing = _configuration(stack)["global"]
    interval, timeout = (int(timing[f"scrape_{key}"].removesuffix("s")) for key in ("interval", "timeout"))
    assert timeout < interval == (5 if stack == "local" else 15)
