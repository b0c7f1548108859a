"""Grafana: the dashboards, for whoever may reach the cluster's API.

Nothing leads to it: no route, no Service, and no policy lets anybody in. People come through the API server, the one
way into the cluster that is private, knows who they are, asks for their rights and writes an audit log:
`kubectl -n inferstack-monitoring port-forward deployment/grafana 3000`; that ends inside the pod, so no policy has to
open a port for it. A route on the gateway would put a login that guards all metrics where customers' requests come in.
Then they log in as `admin`, with the password that
`kubectl -n inferstack-monitoring get secret grafana -o jsonpath='{.data.admin-password}' | base64 -d` shows.

All that it shows comes from files: what somebody changes by hand is gone with the pod.
Source: https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
"""

from __future__ import annotations

import base64
import configparser
import io
import secrets
from typing import TYPE_CHECKING, Any, Final

import pulumi
import yaml
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs, DeploymentStrategyArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapProjectionArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    KeyToPathArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ProjectedVolumeSourceArgs,
    Secret,
    SecretVolumeSourceArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeProjectionArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs, NetworkPolicyPeerArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, traffic
from infra.kubernetes.monitoring import prometheus
from infra.kubernetes.pods import (
    configuration_annotation,
    container_security_context,
    pod_security_context,
    small_resources,
)
from infra.kubernetes.scope import pods_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.kubernetes.scope import Scope

NAME: Final = "grafana"
DEMAND: Final = Demand(pods=1, cpu_millis=100, memory_mib=256)
"""Of its pod; the old one goes before the new one comes."""
_PORT: Final = 3000
# The image's own user.
_USER: Final = 472
_CONFIGURATION: Final = "/etc/inferstack"
_SECRETS: Final = "/etc/inferstack-secrets"
_DASHBOARDS: Final = "/etc/inferstack-dashboards"
_DATA: Final = "/var/lib/grafana"

_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "server": {"http_port": str(_PORT)},
    "security": {
        "admin_user": "admin",
        "admin_password": f"$__file{{{_SECRETS}/admin-password}}",
        # Without it Grafana would sign with a key that stands in its source.
        "secret_key": f"$__file{{{_SECRETS}/secret-key}}",
        "disable_gravatar": "true",
        "cookie_samesite": "strict",
        "content_security_policy": "true",
    },
    "auth.anonymous": {"enabled": "false"},
    "users": {"allow_sign_up": "false", "allow_org_create": "false"},
    # It may reach Prometheus alone: what would call its makers, or fetch plugins from them, is off.
    "analytics": {
        "reporting_enabled": "false",
        "check_for_updates": "false",
        "check_for_plugin_updates": "false",
        "feedback_links_enabled": "false",
    },
    "news": {"news_feed_enabled": "false"},
    "plugins": {
        "preinstall_disabled": "true",
        "plugin_admin_enabled": "false",
        "public_key_retrieval_disabled": "true",
    },
    "snapshots": {"enabled": "false"},
    "public_dashboards": {"enabled": "false"},
    # Alertmanager tells people, with rules that the program makes.
    "unified_alerting": {"enabled": "false"},
    "log": {"mode": "console"},
    "log.console": {"format": "json"},
}


def settings() -> str:
    """Grafana's settings, as grafana.ini."""
    # No interpolation: it is Grafana that reads what stands after a $.
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(_SETTINGS)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def data_sources(url: str) -> dict[str, Any]:
    """The provisioning file of data sources: the stack's Prometheus and nothing else."""
    source = {
        "name": "Prometheus",
        "uid": "prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": url,
        "isDefault": True,
        "editable": False,
        "jsonData": {"httpMethod": "POST", "prometheusType": "Prometheus", "manageAlerts": False},
    }
    return {"apiVersion": 1, "datasources": [source]}


def dashboard_provider() -> dict[str, Any]:
    """The provisioning file of dashboards: a folder that is looked through again and again.

    So a changed dashboard is seen without a restart, once the kubelet has brought it.
    """
    provider = {
        "name": "inferstack",
        "folder": "inferstack",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": _DASHBOARDS},
    }
    return {"apiVersion": 1, "providers": [provider]}


def declare_grafana(
    scope: Scope,
    *,
    image: pulumi.Input[str],
    dashboards: Sequence[pulumi.Input[str]],
    pool: str | None = None,
) -> None:
    """Declare its Deployment, configuration and password, and whom it may ask.

    Args:
        scope: of the component.
        image: digest reference.
        dashboards: names of the config maps whose files are dashboards.
        pool: name of the pool whose nodes it runs on; any node without.
    """
    files = {
        "grafana.ini": settings(),
        "datasources.yaml": yaml.safe_dump(data_sources(f"http://{prometheus.NAME}:{prometheus.PORT}")),
        "dashboards.yaml": yaml.safe_dump(dashboard_provider()),
    }
    configuration = ConfigMap(NAME, metadata=scope.metadata(NAME), data=files, opts=scope.child())
    traffic.allow(
        scope,
        NAME,
        pods_of(NAME),
        egress=[
            NetworkPolicyEgressRuleArgs(
                to=[NetworkPolicyPeerArgs(pod_selector=pods_of(prometheus.NAME))],
                ports=traffic.ports(prometheus.PORT),
            )
        ],
    )
    Deployment(
        NAME,
        metadata=scope.metadata(NAME),
        spec=DeploymentSpecArgs(
            replicas=1,
            selector=pods_of(NAME),
            strategy=DeploymentStrategyArgs(type="Recreate"),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(
                    labels=scope.labels(NAME), annotations=configuration_annotation("".join(files.values()))
                ),
                spec=PodSpecArgs(
                    service_account_name=access.account(scope, NAME).metadata.name,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    node_selector=naming.node_labels(pool) if pool else None,
                    security_context=pod_security_context(_USER),
                    containers=[_container(image)],
                    volumes=_volumes(configuration.metadata.name, _passwords(scope).metadata.name, dashboards),
                ),
            ),
        ),
        opts=scope.child(),
    )


def _passwords(scope: Scope) -> Secret:
    """Made up once, when the Secret is: every run of the program makes up others, which the engine ignores."""
    made_up = {key: secrets.token_urlsafe(32) for key in ("admin-password", "secret-key")}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in made_up.items()}
    options = pulumi.ResourceOptions.merge(scope.child(), pulumi.ResourceOptions(ignore_changes=["data"]))
    return Secret(NAME, metadata=scope.metadata(NAME), data=pulumi.Output.secret(encoded), opts=options)


def _volumes(
    configuration: pulumi.Input[str], passwords: pulumi.Input[str], dashboards: Sequence[pulumi.Input[str]]
) -> list[VolumeArgs]:
    places = {
        "grafana.ini": "grafana.ini",
        "datasources.yaml": "provisioning/datasources/prometheus.yaml",
        "dashboards.yaml": "provisioning/dashboards/files.yaml",
    }
    items = [KeyToPathArgs(key=key, path=path) for key, path in places.items()]
    sources = [VolumeProjectionArgs(config_map=ConfigMapProjectionArgs(name=name)) for name in dashboards]
    return [
        VolumeArgs(name="configuration", config_map=ConfigMapVolumeSourceArgs(name=configuration, items=items)),
        VolumeArgs(name="passwords", secret=SecretVolumeSourceArgs(secret_name=passwords, default_mode=0o440)),
        VolumeArgs(name="dashboards", projected=ProjectedVolumeSourceArgs(sources=sources)),
        # Sessions, and what people starred: nothing that is missed.
        VolumeArgs(name="data", empty_dir=EmptyDirVolumeSourceArgs(size_limit="256Mi")),
        VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit="64Mi")),
    ]


def _container(image: pulumi.Input[str]) -> ContainerArgs:
    health = HTTPGetActionArgs(path="/api/health", port="http")
    return ContainerArgs(
        name=NAME,
        image=image,
        # The image's entry point reads these.
        env=[
            EnvVarArgs(name="GF_PATHS_CONFIG", value=f"{_CONFIGURATION}/grafana.ini"),
            EnvVarArgs(name="GF_PATHS_PROVISIONING", value=f"{_CONFIGURATION}/provisioning"),
        ],
        # Not named metrics: nobody may come in, Prometheus neither.
        ports=[ContainerPortArgs(name="http", container_port=_PORT)],
        # The first start makes the tables of its database.
        startup_probe=ProbeArgs(http_get=health, period_seconds=2, failure_threshold=90),
        readiness_probe=ProbeArgs(http_get=health, period_seconds=10),
        liveness_probe=ProbeArgs(http_get=health, period_seconds=30, timeout_seconds=10),
        resources=small_resources(cpu="100m", memory="256Mi", memory_limit="512Mi"),
        security_context=container_security_context(),
        volume_mounts=[
            VolumeMountArgs(name="configuration", mount_path=_CONFIGURATION, read_only=True),
            VolumeMountArgs(name="passwords", mount_path=_SECRETS, read_only=True),
            VolumeMountArgs(name="dashboards", mount_path=_DASHBOARDS, read_only=True),
            VolumeMountArgs(name="data", mount_path=_DATA),
            VolumeMountArgs(name="tmp", mount_path="/tmp"),  # noqa: S108  # in its container
        ],
    )
