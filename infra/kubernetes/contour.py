"""Contour, the control plane of the gateway: it turns Gateway API objects into Envoy's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.batch.v1 import Job, JobSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    SecretVolumeSourceArgs,
    Service,
    ServiceAccount,
    ServicePortArgs,
    ServiceSpecArgs,
    TCPSocketActionArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRuleArgs,
    Role,
    RoleBinding,
    RoleRefArgs,
    SubjectArgs,
)

from infra import naming
from infra.kubernetes import definitions
from infra.kubernetes.pods import (
    container_security_context,
    field_variable,
    pod_security_context,
    small_resources,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

XDS_PORT = 8001
_HEALTH_PORT = 8000
# Contour names its certificate secrets itself.
_CERTIFICATES = "contourcert"
_READ = ("get", "list", "watch")
_RBAC = "rbac.authorization.k8s.io"

# What Contour reads and writes, from examples/contour/02-rbac.yaml of v1.33, less what is switched off.
_CLUSTER_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("configmaps", "namespaces", "secrets", "services"), _READ),
    ("discovery.k8s.io", ("endpointslices",), _READ),
    ("networking.k8s.io", ("ingresses",), _READ),
    (
        "gateway.networking.k8s.io",
        (
            "gatewayclasses",
            "gateways",
            "httproutes",
            "referencegrants",
        ),
        _READ,
    ),
    (
        "gateway.networking.k8s.io",
        (
            "gatewayclasses/status",
            "gateways/status",
            "httproutes/status",
        ),
        ("update",),
    ),
    (
        "projectcontour.io",
        ("contourconfigurations", "httpproxies", "tlscertificatedelegations"),
        _READ,
    ),
    (
        "projectcontour.io",
        ("contourconfigurations/status", "httpproxies/status"),
        ("create", "get", "update"),
    ),
)
_NAMESPACE_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("events",), ("create", "get", "update")),
    ("coordination.k8s.io", ("leases",), ("create", "get", "update")),
)
_CERTGEN_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (("", ("secrets",), ("create", "update")),)


def _policy_rules(rules: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]]) -> list[PolicyRuleArgs]:
    return [
        PolicyRuleArgs(api_groups=[group], resources=list(resources), verbs=list(verbs))
        for group, resources, verbs in rules
    ]


@dataclass(frozen=True, kw_only=True)
class ContourArgs:
    """What Contour is made from.

    Attributes:
        environment: the stack.
        namespace: where it runs.
        image: digest reference of the Contour image.
        gateway: name of the Gateway that it serves, in the same namespace.
        crds: folder with the custom resource definitions of Contour and the Gateway API, as YAML files.
    """

    environment: str
    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    gateway: str
    crds: Path


class Contour(pulumi.ComponentResource):
    """Contour with its definitions, certificates, rights, Deployment and Service.

    Attributes:
        definitions: the custom resource definitions; what needs their kinds depends on them.
        ready: resources that Envoy needs before it can start.
    """

    definitions: list[pulumi.Resource]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: ContourArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:Contour", name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self.definitions = [self._definition(each) for each in definitions.read(args.crds)]
        certificates = self._certificates()
        deployment = self._deployment(certificates)
        self.ready = [certificates, deployment, self._service()]
        self.register_outputs({})

    def _definition(self, definition: dict[str, Any]) -> CustomResource:
        # Not yaml.v2.ConfigGroup, which hands every definition back to the program as a typed resource.
        name: str = definition["metadata"]["name"]
        return CustomResource(
            name,
            api_version=definition["apiVersion"],
            kind=definition["kind"],
            metadata=ObjectMetaArgs(
                name=name,
                annotations=definition["metadata"].get("annotations"),
                labels=naming.labels("contour", self._args.environment),
            ),
            spec=definition["spec"],
            opts=self._child,
        )

    def _metadata(self, name: str) -> ObjectMetaArgs:
        return ObjectMetaArgs(
            name=name, namespace=self._args.namespace, labels=naming.labels(name, self._args.environment)
        )

    def _account(self, name: str) -> ServiceAccount:
        return ServiceAccount(
            name, metadata=self._metadata(name), automount_service_account_token=False, opts=self._child
        )

    def _grant(
        self, account: ServiceAccount, name: str, rules: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]]
    ) -> RoleBinding:
        role = Role(f"{name}-role", metadata=self._metadata(name), rules=_policy_rules(rules), opts=self._child)
        return RoleBinding(
            f"{name}-role-binding",
            metadata=self._metadata(name),
            role_ref=RoleRefArgs(api_group=_RBAC, kind="Role", name=role.metadata.name),
            subjects=[self._subject(account)],
            opts=self._child,
        )

    def _subject(self, account: ServiceAccount) -> SubjectArgs:
        return SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=self._args.namespace)

    def _certificates(self) -> Job:
        """The Job that writes the secrets ``contourcert`` and ``envoycert`` for the mutual TLS of xDS."""
        name = "contour-certgen"
        account = self._account(name)
        granted = self._grant(account, name, _CERTGEN_RULES)
        return Job(
            name,
            metadata=self._metadata(name),
            spec=JobSpecArgs(
                backoff_limit=4,
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=naming.labels(name, self._args.environment)),
                    spec=PodSpecArgs(
                        service_account_name=account.metadata.name,
                        automount_service_account_token=True,
                        restart_policy="Never",
                        security_context=pod_security_context(),
                        containers=[
                            ContainerArgs(
                                name="certgen",
                                image=self._args.image,
                                command=["/bin/contour"],
                                args=[
                                    "certgen",
                                    "--kube",
                                    "--incluster",
                                    "--overwrite",
                                    "--secrets-format=compact",
                                    "--namespace=$(CONTOUR_NAMESPACE)",
                                ],
                                env=[field_variable("CONTOUR_NAMESPACE", "metadata.namespace")],
                                resources=small_resources(cpu="50m", memory="64Mi", memory_limit="128Mi"),
                                security_context=container_security_context(),
                            )
                        ],
                    ),
                ),
            ),
            # A new image means a new Job: its template is immutable, and its name is free only after the old one.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[granted], delete_before_replace=True),
        )

    def _deployment(self, certificates: Job) -> Deployment:
        name = "contour"
        account = self._account(name)
        granted: list[pulumi.Resource] = [self._grant(account, name, _NAMESPACE_RULES)]
        role = ClusterRole(
            name,
            metadata=ObjectMetaArgs(
                name=f"{naming.PART_OF}-contour", labels=naming.labels(name, self._args.environment)
            ),
            rules=_policy_rules(_CLUSTER_RULES),
            opts=self._child,
        )
        granted.append(
            ClusterRoleBinding(
                name,
                metadata=ObjectMetaArgs(
                    name=f"{naming.PART_OF}-contour", labels=naming.labels(name, self._args.environment)
                ),
                role_ref=RoleRefArgs(api_group=_RBAC, kind="ClusterRole", name=role.metadata.name),
                subjects=[self._subject(account)],
                opts=self._child,
            )
        )
        configuration = ConfigMap(
            name,
            metadata=self._metadata(name),
            data={
                "contour.yaml": pulumi.Output.from_input(self._args.namespace).apply(
                    lambda namespace: yaml.safe_dump(
                        {"gateway": {"gatewayRef": {"name": self._args.gateway, "namespace": namespace}}}
                    )
                )
            },
            opts=self._child,
        )
        return Deployment(
            name,
            metadata=self._metadata(name),
            spec=DeploymentSpecArgs(
                replicas=1,
                selector=LabelSelectorArgs(match_labels=naming.selector(name)),
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=naming.labels(name, self._args.environment)),
                    spec=PodSpecArgs(
                        service_account_name=account.metadata.name,
                        automount_service_account_token=True,
                        security_context=pod_security_context(),
                        containers=[self._container()],
                        volumes=[
                            VolumeArgs(name="certificates", secret=SecretVolumeSourceArgs(secret_name=_CERTIFICATES)),
                            VolumeArgs(
                                name="configuration",
                                config_map=ConfigMapVolumeSourceArgs(name=configuration.metadata.name),
                            ),
                        ],
                    ),
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[certificates, *granted, *self.definitions]),
        )

    def _container(self) -> ContainerArgs:
        health = HTTPGetActionArgs(path="/healthz", port=_HEALTH_PORT)
        return ContainerArgs(
            name="contour",
            image=self._args.image,
            command=["/bin/contour"],
            args=[
                "serve",
                "--incluster",
                "--xds-address=0.0.0.0",
                f"--xds-port={XDS_PORT}",
                "--contour-cafile=/certs/ca.crt",
                "--contour-cert-file=/certs/tls.crt",
                "--contour-key-file=/certs/tls.key",
                "--config-path=/config/contour.yaml",
                *(f"--disable-feature={feature}" for feature in definitions.DISABLED_FEATURES),
            ],
            env=[
                field_variable("CONTOUR_NAMESPACE", "metadata.namespace"),
                field_variable("POD_NAME", "metadata.name"),
            ],
            ports=[
                ContainerPortArgs(name="xds", container_port=XDS_PORT),
                ContainerPortArgs(name="metrics", container_port=_HEALTH_PORT),
            ],
            startup_probe=ProbeArgs(http_get=health, period_seconds=1, failure_threshold=60),
            liveness_probe=ProbeArgs(http_get=health, period_seconds=10),
            readiness_probe=ProbeArgs(tcp_socket=TCPSocketActionArgs(port=XDS_PORT), period_seconds=2),
            resources=small_resources(cpu="50m", memory="96Mi", memory_limit="256Mi"),
            security_context=container_security_context(),
            volume_mounts=[
                VolumeMountArgs(name="certificates", mount_path="/certs", read_only=True),
                VolumeMountArgs(name="configuration", mount_path="/config", read_only=True),
            ],
        )

    def _service(self) -> Service:
        return Service(
            "contour",
            metadata=self._metadata("contour"),
            spec=ServiceSpecArgs(
                selector=naming.selector("contour"),
                ports=[ServicePortArgs(name="xds", port=XDS_PORT, target_port="xds")],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
