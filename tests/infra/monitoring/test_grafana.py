"""Grafana shows what files say, to whoever comes through the API server and knows the password."""

from __future__ import annotations

import base64
import configparser
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.kubernetes.monitoring.grafana import dashboard_provider, data_sources, declare_grafana, settings
from tests.infra.monitoring.parts import PINNED, broken_rules, declared_by, one, pod_of

if TYPE_CHECKING:
    from infra.kubernetes.scope import Scope
    from tests.infra.recorder import Declared


def _declare(scope: Scope) -> None:
    declare_grafana(scope, image=PINNED, dashboards=["dashboards-service", "dashboards-overview"], pool="system")


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    """With two dashboards."""
    return declared_by(_declare)


@pytest.fixture(scope="module")
def options() -> configparser.ConfigParser:
    """grafana.ini, as Grafana reads it."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(settings())
    return parser


def _passwords(declared: list[Declared]) -> dict[str, str]:
    # Secrets reach the mocks as their plain value or wrapped by the SDK's mark.
    data: Any = one(declared, ":Secret", "grafana")["data"]
    wrapped: dict[str, str] = data.get("value", data)
    return {key: base64.b64decode(value).decode() for key, value in wrapped.items()}


def test_nothing_leads_to_it(declared: list[Declared]) -> None:
    """No Service, no route, and no policy that lets anybody in."""
    kinds = {each.type.rpartition(":")[2] for each in declared}
    assert not {"Service", "HTTPRoute", "Ingress"} & kinds
    policy = one(declared, ":NetworkPolicy", "grafana-traffic")["spec"]
    assert policy["policyTypes"] == ["Egress"]
    (rule,) = policy["egress"]
    assert rule["to"] == [
        {
            "podSelector": {
                "matchLabels": {"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/part-of": "inferstack"}
            }
        }
    ]


@pytest.mark.parametrize(
    ("section", "option", "value"),
    [
        ("auth.anonymous", "enabled", "false"),
        ("users", "allow_sign_up", "false"),
        ("analytics", "reporting_enabled", "false"),
        ("analytics", "check_for_updates", "false"),
        ("analytics", "check_for_plugin_updates", "false"),
        ("snapshots", "enabled", "false"),
        ("public_dashboards", "enabled", "false"),
        ("security", "disable_gravatar", "true"),
    ],
)
def test_what_is_off_is_off(section: str, option: str, value: str, options: configparser.ConfigParser) -> None:
    """Nobody comes in unnamed, nobody signs up, and nothing is told to anybody outside."""
    assert options[section][option] == value


def test_passwords_are_read_from_files(declared: list[Declared], options: configparser.ConfigParser) -> None:
    """Neither the settings nor the environment hold one: both name a file of the mounted Secret."""
    pod = pod_of(declared, "grafana")
    (container,) = pod["containers"]
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    keys = _passwords(declared)
    for option, key in (("admin_password", "admin-password"), ("secret_key", "secret-key")):
        assert options["security"][option] == f"$__file{{{mounted['passwords']}/{key}}}"
        assert key in keys
    text = json.dumps([each.inputs for each in declared if not each.type.endswith(":Secret")])
    assert not any(password in text for password in keys.values())


def test_passwords_are_made_up(declared: list[Declared]) -> None:
    """Two stacks have two, and each is too long to guess."""
    others = _passwords(declared_by(_declare))
    for key, password in _passwords(declared).items():
        assert len(password) >= 32
        assert others[key] != password


def test_dashboards_and_data_source_come_from_files(
    declared: list[Declared], options: configparser.ConfigParser
) -> None:
    """Where Grafana looks for them, there they are mounted; nobody changes them by hand."""
    pod = pod_of(declared, "grafana")
    (container,) = pod["containers"]
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    environment = {each["name"]: each["value"] for each in container["env"]}
    places = {
        item["key"]: f"{mounted['configuration']}/{item['path']}"
        for item in volumes["configuration"]["configMap"]["items"]
    }
    assert environment["GF_PATHS_CONFIG"] == places["grafana.ini"]
    assert places["datasources.yaml"].startswith(f"{environment['GF_PATHS_PROVISIONING']}/datasources/")
    assert places["dashboards.yaml"].startswith(f"{environment['GF_PATHS_PROVISIONING']}/dashboards/")
    files = one(declared, ":ConfigMap", "grafana")["data"]
    assert files.keys() == places.keys()
    (provider,) = yaml.safe_load(files["dashboards.yaml"])["providers"]
    assert provider["options"]["path"] == mounted["dashboards"]
    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
    sources = volumes["dashboards"]["projected"]["sources"]
    assert [each["configMap"]["name"] for each in sources] == ["dashboards-service", "dashboards-overview"]
    assert options["plugins"]["preinstall_disabled"] == "true"


def test_a_changed_dashboard_is_seen_without_a_restart() -> None:
    """Grafana looks again within a minute."""
    (provider,) = dashboard_provider()["providers"]
    assert 0 < provider["updateIntervalSeconds"] <= 60


def test_the_data_source_is_prometheus() -> None:
    """One, by the uid that dashboards may name, which nobody edits."""
    (source,) = data_sources("http://prometheus:9090")["datasources"]
    assert (source["uid"], source["type"], source["editable"]) == ("prometheus", "prometheus", False)


def test_other_settings_make_another_pod(declared: list[Declared]) -> None:
    """Grafana reads its settings when it starts: the pod carries a mark of them, and not of what changes by itself."""
    template = one(declared, ":Deployment", "grafana")["spec"]["template"]
    again = one(declared_by(_declare), ":Deployment", "grafana")["spec"]["template"]
    assert template["metadata"]["annotations"].keys() == {"inferstack.dev/configuration"}
    assert template == again


def test_it_keeps_all_rules(declared: list[Declared]) -> None:
    """It writes to its volumes alone, as an unprivileged user."""
    assert broken_rules(declared) == []
