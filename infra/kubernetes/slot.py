"""A slot: one running version of a service, as a Deployment with its Service, account and disruption budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.apps.v1 import (
    Deployment,
    DeploymentSpecArgs,
    DeploymentStrategyArgs,
    RollingUpdateDeploymentArgs,
)
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    Service,
    ServiceAccount,
    ServicePortArgs,
    ServiceSpecArgs,
    TolerationArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra import naming, quantities, routing
from infra.kubernetes.pods import container_security_context, pod_security_context, spread

if TYPE_CHECKING:
    from infra import settings

PORT = 8080
# More than a request may take (10 s) and the gateway needs to hear that the pod leaves.
_GRACE_SECONDS = 30

# ONNX Runtime's name of what a variant runs on.
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda-trt": "TensorrtExecutionProvider"}


@dataclass(frozen=True, kw_only=True)
class SlotArgs:
    """What a slot is made from.

    Attributes:
        environment: the stack.
        namespace: where its pods run.
        service: the service that it belongs to.
        slot: its version, replicas and weight.
        variant: what its pool runs.
        image: digest reference of the version's image.
    """

    environment: str
    namespace: pulumi.Input[str]
    service: settings.Service
    slot: settings.Slot
    variant: str
    image: pulumi.Input[str]


class Slot(pulumi.ComponentResource):
    """One slot.

    Attributes:
        service_name: name of the Kubernetes Service that a route sends the slot's share to.
    """

    service_name: pulumi.Output[str]

    def __init__(self, name: str, args: SlotArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:Slot", f"{args.service.name}-{name}", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._args = args
        self._slot = name
        self._name = naming.slot_name(args.service.name, name)
        self._selector = LabelSelectorArgs(match_labels=naming.selector(self._name))
        self._labels = {
            **naming.labels(self._name, args.environment),
            naming.SERVICE_LABEL: args.service.name,
            naming.SLOT_LABEL: name,
        }
        metadata = ObjectMetaArgs(name=self._name, namespace=args.namespace, labels=self._labels)
        account = ServiceAccount(self._name, metadata=metadata, automount_service_account_token=False, opts=child)
        service = Service(
            self._name,
            metadata=ObjectMetaArgs(
                name=self._name,
                namespace=args.namespace,
                labels=self._labels,
                # A slot that idles at zero replicas has no endpoints, and that is no fault to wait for.
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=ServiceSpecArgs(
                selector=naming.selector(self._name),
                ports=[ServicePortArgs(name="http", port=PORT, target_port="http")],
            ),
            opts=child,
        )
        Deployment(
            self._name,
            metadata=metadata,
            spec=DeploymentSpecArgs(
                replicas=args.slot.replicas,
                selector=self._selector,
                # The new pod comes before the old one goes: a service of one replica is never without.
                strategy=DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                progress_deadline_seconds=300,
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(
                        labels={**self._labels, "app.kubernetes.io/version": args.slot.version},
                    ),
                    spec=self._pod(account),
                ),
            ),
            opts=child,
        )
        PodDisruptionBudget(
            self._name,
            metadata=metadata,
            spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=self._selector),
            opts=child,
        )
        self.service_name = service.metadata.name
        self.register_outputs({"service_name": self.service_name})

    def _pod(self, account: ServiceAccount) -> PodSpecArgs:
        resources = self._args.service.resources
        tolerations = [TolerationArgs(key=naming.GPU_RESOURCE, operator="Exists", effect="NoSchedule")]
        return PodSpecArgs(
            service_account_name=account.metadata.name,
            automount_service_account_token=False,
            enable_service_links=False,
            node_selector={naming.POOL_LABEL: self._args.service.pool},
            tolerations=tolerations if resources.gpus else None,
            topology_spread_constraints=spread(self._selector),
            termination_grace_period_seconds=_GRACE_SECONDS,
            security_context=pod_security_context(),
            containers=[self._container()],
            volumes=[VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit="64Mi"))],
        )

    def _container(self) -> ContainerArgs:
        service, resources = self._args.service, self._args.service.resources
        cpu_limit = resources.cpu_limit or resources.cpu
        gpus = {naming.GPU_RESOURCE: str(resources.gpus)} if resources.gpus else {}
        environment = {
            "SERVING_PROVIDER": _PROVIDERS[self._args.variant],
            "SERVING_PORT": str(PORT),
            "SERVING_SLOT": self._slot,
            "SERVING_THREADS": str(max(1, quantities.millis(cpu_limit) // 1000)),
            "SERVING_ROOT_PATH": routing.public_prefix(service.name),
        }
        return ContainerArgs(
            name="serving",
            image=self._args.image,
            env=[EnvVarArgs(name=key, value=value) for key, value in environment.items()],
            ports=[ContainerPortArgs(name="http", container_port=PORT)],
            # Two minutes: on a GPU the first start may have to load a large engine.
            startup_probe=_probe("/startupz", period=1, failures=120),
            readiness_probe=_probe("/readyz", period=2, failures=2),
            liveness_probe=_probe("/livez", period=10, failures=3),
            resources=ResourceRequirementsArgs(
                requests={"cpu": resources.cpu, "memory": resources.memory, **gpus},
                limits={"cpu": cpu_limit, "memory": resources.memory, **gpus},
            ),
            security_context=container_security_context(),
            volume_mounts=[VolumeMountArgs(name="tmp", mount_path="/tmp")],  # noqa: S108  # a volume of the pod's own
        )


def _probe(path: str, *, period: int, failures: int) -> ProbeArgs:
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port="http"),
        period_seconds=period,
        timeout_seconds=2,
        failure_threshold=failures,
    )
