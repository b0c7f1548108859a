"""Alertmanager and the log of alerts, as the engine would see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra import receivers, settings
from infra.kubernetes.monitoring.alert_log import declare_alert_log
from infra.kubernetes.monitoring.alertmanager import AlertmanagerArgs, declare_alertmanager
from infra.kubernetes.secrets_store import MountedSecret
from tests.infra.monitoring.parts import PINNED, broken_rules, declared_by, one
from tests.infra.samples import MONITORING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.recorder import Declared

SLACK = settings.SlackReceiver(name="platform", kind="slack", channel="#alerts", secret="slack")  # noqa: S106  # a name
WEBHOOK = settings.WebhookReceiver(name="heartbeat", kind="webhook", url="http://alarm.example.com:8000/beat")
TOLD = MONITORING.model_copy(update={"receivers": (*MONITORING.receivers, SLACK, WEBHOOK)})
PAIR = TOLD.model_copy(update={"replicas": 2, "storage_gib": 100})


def _declare(
    monitoring: settings.Monitoring = MONITORING,
    *,
    text: str = "route: {}\n",
    secrets: Mapping[str, MountedSecret] | None = None,
) -> list[Declared]:
    return declared_by(
        lambda scope: declare_alertmanager(
            scope,
            AlertmanagerArgs(
                image=PINNED,
                monitoring=monitoring,
                configuration=text,
                inside=("10.0.0.0/16",),
                secrets=secrets or {},
            ),
        )
    )


def _set(declared: list[Declared]) -> dict[str, Any]:
    return one(declared, ":StatefulSet", "alertmanager")["spec"]


def _pod(declared: list[Declared]) -> dict[str, Any]:
    return _set(declared)["template"]["spec"]


@pytest.mark.parametrize("monitoring", [MONITORING, TOLD, PAIR], ids=["log", "told", "pair"])
def test_it_keeps_all_rules(monitoring: settings.Monitoring) -> None:
    """Without an exemption."""
    assert broken_rules(_declare(monitoring)) == []


def test_a_changed_route_makes_it_start_anew() -> None:
    """It reads its configuration once: another text is another pod, the same text is not."""
    one_text, same, another = (_set(_declare(text=text))["template"] for text in ("a: 1\n", "a: 1\n", "a: 2\n"))
    assert one_text == same
    assert one_text["metadata"]["annotations"] != another["metadata"]["annotations"]


def test_a_secret_of_kubernetes_is_a_file_where_the_configuration_says() -> None:
    """Of the secret its one key is mounted, and its value is nowhere in what the program declares."""
    pod = _pod(_declare(TOLD))
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert volumes["receiver-platform"]["secret"] == {
        "secretName": "slack",
        "items": [{"key": "url", "path": "url"}],
    }
    mounts = {each["name"]: each for each in pod["containers"][0]["volumeMounts"]}
    folder = mounts["receiver-platform"]
    assert folder["readOnly"] is True
    assert receivers.url_file("platform") == f"{folder['mountPath']}/url"
    assert not {"receiver-log", "receiver-heartbeat"} & volumes.keys()


def test_a_secret_of_a_cloud_is_mounted_by_its_driver() -> None:
    """The same path, from the store of the cloud: no copy of it becomes a Secret of Kubernetes."""
    mounted = MountedSecret(name=receivers.volume("platform"), path=receivers.secret_folder("platform"))
    pod = _pod(_declare(TOLD, secrets={"platform": mounted}))
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert volumes["receiver-platform"]["csi"]["driver"] == "secrets-store.csi.k8s.io"
    assert {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]} >= {mounted.path}


def test_one_alone_does_not_gossip() -> None:
    """It listens for no peers, and no policy lets any in."""
    declared = _declare()
    assert "--cluster.listen-address=" in _pod(declared)["containers"][0]["args"]
    policy = one(declared, ":NetworkPolicy", "alertmanager-traffic")["spec"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": 9093}]]


def test_two_of_a_pair_find_each_other() -> None:
    """Each knows both by the names that the Service gives them before they are ready, by TCP and UDP."""
    declared = _declare(PAIR)
    arguments = _pod(declared)["containers"][0]["args"]
    assert [each.partition("=")[2] for each in arguments if each.startswith("--cluster.peer=")] == [
        f"alertmanager-{index}.alertmanager.inferstack-monitoring.svc:9094" for index in range(2)
    ]
    service = one(declared, ":Service", "alertmanager")["spec"]
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
    assert _set(declared)["serviceName"] == "alertmanager"
    policy = one(declared, ":NetworkPolicy", "alertmanager-traffic")["spec"]
    gossip = [{"port": 9094, "protocol": "TCP"}, {"port": 9094, "protocol": "UDP"}]
    assert gossip in [rule["ports"] for rule in policy["ingress"]]
    assert gossip in [rule["ports"] for rule in policy["egress"]]
    assert one(declared, ":PodDisruptionBudget", "alertmanager")["spec"]["maxUnavailable"] == 1


def test_silences_are_kept_where_metrics_are() -> None:
    """With storage a silence outlives its pod; without, a restart forgets it."""
    (claim,) = _set(_declare(PAIR))["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "1Gi"}
    assert "volumeClaimTemplates" not in _set(_declare(TOLD))


def _egress(monitoring: settings.Monitoring) -> list[tuple[Any, list[int]]]:
    policy = one(_declare(monitoring), ":NetworkPolicy", "alertmanager-traffic")["spec"]
    return [(rule.get("to"), [port["port"] for port in rule["ports"]]) for rule in policy["egress"]]


def test_it_reaches_its_receivers_and_nothing_else() -> None:
    """The log's pod, HTTPS outside where a URL is secret, and the port of a URL that is not."""
    log, outside, known = _egress(TOLD)
    assert log[0][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "alert-log"
    assert log[1] == [8080]
    assert outside == ([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/16"]}}], [443])
    assert known == (None, [8000])
    assert _egress(MONITORING) == [log]


@pytest.mark.parametrize(
    ("url", "port"), [("http://a.example", 80), ("https://a.example/x", 443), ("https://a.example:1/x", 1)]
)
def test_the_port_is_the_urls(url: str, port: int) -> None:
    """Also where it does not say so."""
    webhook = settings.WebhookReceiver(name="one", kind="webhook", url=url)
    assert _egress(MONITORING.model_copy(update={"receivers": (webhook,)})) == [(None, [port])]


def test_the_log_of_alerts_is_a_small_pod_that_alertmanager_alone_reaches() -> None:
    """It runs one mounted file in the base image, keeps all rules, and goes nowhere."""
    declared = declared_by(lambda scope: declare_alert_log(scope, image=PINNED))
    assert broken_rules(declared) == []
    pod = one(declared, ":Deployment", "alert-log")["spec"]["template"]["spec"]
    (container,), (volume,) = pod["containers"], pod["volumes"]
    program = one(declared, ":ConfigMap", volume["configMap"]["name"])["data"]
    (name,) = program
    assert container["command"] == ["python3", "-IB", f"{container['volumeMounts'][0]['mountPath']}/{name}", "8080"]
    compile(program[name], name, "exec")
    policy = one(declared, ":NetworkPolicy", "alert-log-traffic")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    (rule,) = policy["ingress"]
    assert rule["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "alertmanager"
    service = one(declared, ":Service", "alert-log")
    assert (
        f"http://{service['metadata']['name']}.{service['metadata']['namespace']}.svc:8080/" in receivers.ALERT_LOG_URL
    )
