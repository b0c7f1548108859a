"""A slot: one running version of a service, as a Deployment with its Service, account and disruption budget.

The gateway knows a slot before its pods come, and forgets it after they are gone: requests that are under way when a
route changes find them. A pod that goes answers on while that is told around, then finishes what it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import (
    Deployment,
    DeploymentSpecArgs,
    DeploymentStrategyArgs,
    RollingUpdateDeploymentArgs,
)
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    Service,
    ServiceAccount,
    ServicePortArgs,
    ServiceSpecArgs,
    SleepActionArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra import naming, routing
from infra.kubernetes import autoscaling, feature_flags, serving_pod, split
from infra.kubernetes.gateway import API_VERSION
from infra.kubernetes.pods import container_security_context, pod_security_context, spread
from infra.kubernetes.serving_pod import PORT

if TYPE_CHECKING:
    from infra import settings
    from infra.kubernetes.feedback_store import FeedbackStore
    from infra.kubernetes.gateway import Gateway

# From the moment in which a pod's endpoint is withdrawn, all gateways hear of it in less: until then it must answer.
_WITHDRAWN_SECONDS = 5
# Beside that: the pod's own drain (3 s), the longest request (10 s) and a margin.
_GRACE_SECONDS = 30
# A pod may wait five minutes for a node that is not there yet (infra/cold_nodes.py), and as long to be started.
_READY_SECONDS = 600


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
        feedback: where its pods store feedback.
        traces: how many requests its pods trace.
        gateway: through which testers may pick this slot.
        engines: name of the claim with the version's engine, known once it is built; None where none is.
        flags: name of the ConfigMap with its feature flags; None where it has none.
    """

    environment: str
    namespace: pulumi.Input[str]
    service: settings.Service
    slot: settings.Slot
    variant: str
    image: pulumi.Input[str]
    feedback: FeedbackStore
    traces: settings.Traces
    gateway: Gateway
    engines: pulumi.Input[str] | None = None
    flags: pulumi.Input[str] | None = None


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
        route = self._route(service, metadata)
        deployment = Deployment(
            self._name,
            metadata=ObjectMetaArgs(
                name=self._name,
                namespace=args.namespace,
                labels=self._labels,
                # Whoever scaled it, or an autoscaler that is no more, owns the number of its pods: the stack file wins.
                annotations={"pulumi.com/patchForce": "true"},
            ),
            spec=DeploymentSpecArgs(
                replicas=args.slot.replicas,
                selector=self._selector,
                # The new pod comes before the old one goes: a service of one replica is never without.
                strategy=DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                progress_deadline_seconds=_READY_SECONDS,
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(
                        labels={**self._labels, "app.kubernetes.io/version": args.slot.version},
                    ),
                    spec=self._pod(account),
                ),
            ),
            # What depends on another goes before it: the pods before the route that lets the gateway know the slot.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[service, route],
                ignore_changes=autoscaling.ignored(args.service, args.slot),
            ),
        )
        if scaling := autoscaling.autoscaler(args.service, args.slot, deployment):
            HorizontalPodAutoscaler(self._name, metadata=metadata, spec=scaling, opts=child)
        PodDisruptionBudget(
            self._name,
            metadata=metadata,
            spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=self._selector),
            opts=child,
        )
        self.service_name = service.metadata.name
        self.register_outputs({"service_name": self.service_name})

    def _route(self, service: Service, metadata: ObjectMetaArgs) -> CustomResource:
        """Of testers; and by it the gateway knows the slot before users' requests are sent there."""
        gateway = self._args.gateway
        rules = split.of_testers(self._args.service.name, self._slot, service.metadata.name)
        return CustomResource(
            self._name,
            api_version=API_VERSION,
            kind="HTTPRoute",
            metadata=metadata,
            spec={"parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}], "rules": rules},
            # Not on the gateway's pods: those of a first update start beside the slot's.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway.listener]),
        )

    def _pod(self, account: ServiceAccount) -> PodSpecArgs:
        return PodSpecArgs(
            service_account_name=account.metadata.name,
            automount_service_account_token=False,
            enable_service_links=False,
            node_selector={naming.POOL_LABEL: self._args.service.pool},
            tolerations=serving_pod.tolerations(self._args.service),
            topology_spread_constraints=spread(self._selector),
            termination_grace_period_seconds=_GRACE_SECONDS,
            security_context=pod_security_context(),
            containers=[self._container()],
            volumes=[
                *serving_pod.volumes(self._args.engines),
                *feature_flags.volumes(self._args.flags),
                *(secret.volume() for secret in self._args.feedback.secrets()),
            ],
        )

    def _container(self) -> ContainerArgs:
        environment: dict[str, pulumi.Input[str]] = {
            **serving_pod.environment(self._args.service, self._args.variant),
            **self._args.feedback.environment(),
            **serving_pod.tracing(self._args.traces),
            **feature_flags.environment(self._args.flags),
            "SERVING_PORT": str(PORT),
            "SERVING_SLOT": self._slot,
            "SERVING_ROOT_PATH": routing.public_prefix(self._args.service.name),
        }
        return ContainerArgs(
            name="serving",
            image=self._args.image,
            env=[EnvVarArgs(name=key, value=value) for key, value in environment.items()],
            ports=[ContainerPortArgs(name="http", container_port=PORT)],
            # Two minutes: on a GPU the first start may have to load a large engine.
            startup_probe=_probe("/startupz", period=1, failures=120),
            readiness_probe=_probe("/readyz", period=2, failures=3),
            liveness_probe=_probe("/livez", period=10, failures=6),
            lifecycle=LifecycleArgs(pre_stop=LifecycleHandlerArgs(sleep=SleepActionArgs(seconds=_WITHDRAWN_SECONDS))),
            resources=serving_pod.resources(self._args.service),
            security_context=container_security_context(),
            volume_mounts=[
                *serving_pod.mounts(engines=self._args.engines is not None, read_only=True),
                *feature_flags.mounts(self._args.flags),
                *(secret.mount() for secret in self._args.feedback.secrets()),
            ],
        )


def _probe(path: str, *, period: int, failures: int) -> ProbeArgs:
    """A question by HTTP, asked with patience: where the CPU is short all are slow, and who is left gets more to do."""
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port="http"),
        period_seconds=period,
        timeout_seconds=5,
        failure_threshold=failures,
    )
