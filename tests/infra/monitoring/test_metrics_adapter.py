"""prometheus-adapter answers for one metric of serving pods, to the API server alone, with the least rights."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from promql_parser import parse

from infra import naming
from infra.kubernetes.monitoring import metrics_adapter
from infra.kubernetes.monitoring.metrics_adapter import MetricsAdapterArgs, declare_metrics_adapter
from policies.pack import plain
from tests.infra.monitoring.parts import PINNED, broken_rules, declared_by, one, pod_of

if TYPE_CHECKING:
    from tests.infra.recorder import Declared


def _declare(*control_plane: str) -> list[Declared]:
    args = MetricsAdapterArgs(image=PINNED, services="inferstack", control_plane=control_plane, pool="system")
    return declared_by(lambda scope: declare_metrics_adapter(scope, args))


def _pair(declared: list[Declared]) -> dict[str, Any]:
    pair: Any = plain(one(declared, ":Secret", "prometheus-adapter-certificate")["data"]["value"])
    return pair


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    """On the system pool of a cluster in a VPC."""
    return _declare("10.18.0.0/16")


def test_it_keeps_all_rules(declared: list[Declared]) -> None:
    """Without an exemption."""
    assert broken_rules(declared) == []


def test_its_rights_are_to_list_pods_of_services_and_to_ask_about_its_callers(declared: list[Declared]) -> None:
    """It reads no Secret, no other namespace and no metric but by Prometheus."""
    roles = {each.name: each.inputs["rules"] for each in declared if each.type.endswith(":ClusterRole")}
    rights = {
        name: [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in rules] for name, rules in roles.items()
    }
    assert rights == {
        "prometheus-adapter": [([""], ["pods"], ["list"])],
        "prometheus-adapter-reviews": [(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"])],
    }
    bindings = [each.inputs for each in declared if each.type.endswith(":RoleBinding")]
    assert {(each["metadata"]["namespace"], each["roleRef"]["name"]) for each in bindings} == {
        ("inferstack", "inferstack-prometheus-adapter"),
        ("kube-system", "extension-apiserver-authentication-reader"),
    }


def test_the_api_server_knows_it_by_its_certificate(declared: list[Declared]) -> None:
    """The APIService trusts the certificate that the pod serves, made for the name that it is called by."""
    service = one(declared, ":APIService", "prometheus-adapter")["spec"]
    assert "insecureSkipTLSVerify" not in service
    host = f"{service['service']['name']}.{service['service']['namespace']}.svc"
    assert service["caBundle"] == _pair(declared)["tls.crt"]
    pem = base64.b64decode(service["caBundle"]).decode()
    context = ssl.create_default_context(cadata=pem)
    (known,) = context.get_ca_certs()
    assert known["subjectAltName"] == (("DNS", host),)
    (volume,) = (each for each in pod_of(declared, "prometheus-adapter")["volumes"] if each["name"] == "certificate")
    assert volume["secret"]["defaultMode"] == 0o440


def test_each_run_makes_another_pair(declared: list[Declared]) -> None:
    """No key is the program's: the first one stays in the stack's state."""
    assert _pair(declared)["tls.key"] != _pair(_declare())["tls.key"]


@pytest.mark.parametrize(("ranges", "callers"), [(("10.18.0.0/16",), ["10.18.0.0/16"]), ((), None)])
def test_who_may_call(ranges: tuple[str, ...], callers: list[str] | None) -> None:
    """The control plane's range where it is known; it asks Prometheus and the API server, and nobody else."""
    policy = one(_declare(*ranges), ":NetworkPolicy", "prometheus-adapter-traffic")["spec"]
    (incoming,) = policy["ingress"]
    assert [port["port"] for port in incoming["ports"]] == [metrics_adapter.PORT]
    found = incoming.get("from")
    assert (found and [each["ipBlock"]["cidr"] for each in found]) == callers
    assert sorted(port["port"] for rule in policy["egress"] for port in rule["ports"]) == [443, 6443, 9090]


def test_what_it_asks_prometheus() -> None:
    """The mean of the requests in flight without Prometheus's own, of pods and of services as a whole."""
    (rule,) = metrics_adapter.configuration()["rules"]
    assert rule["resources"]["overrides"].keys() == {"namespace", "pod", "service"}
    query: str = rule["metricsQuery"]
    for template, text in (
        ("<<.GroupBy>>", "pod"),
        ("<<.Series>>", "http_requests_active"),
        ("<<.LabelMatchers>>", f'namespace="{naming.SERVICES_NAMESPACE}",pod=~"a|b"'),
    ):
        query = query.replace(template, text)
    parse(query)
    assert query.startswith('sum by (pod) (clamp_min(avg_over_time(http_requests_active{namespace="inferstack"')
