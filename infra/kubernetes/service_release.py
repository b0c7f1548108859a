"""A service's release: its slots, and the route that splits its requests and users over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from infra import naming, routing
from infra.kubernetes import departure, feature_flags, split
from infra.kubernetes.engine_build import EngineBuild, EngineBuildArgs
from infra.kubernetes.engine_cache import EngineCache, EngineCacheArgs
from infra.kubernetes.gateway import API_VERSION
from infra.kubernetes.release_record import ReleaseRecord
from infra.kubernetes.scope import Scope
from infra.kubernetes.serving_pod import PORT
from infra.kubernetes.shadow import Shadow, ShadowArgs
from infra.kubernetes.slot import Slot, SlotArgs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra import settings
    from infra.kubernetes.engine_cache import EngineBucket
    from infra.kubernetes.feedback_store import FeedbackStore
    from infra.kubernetes.gateway import Gateway
    from infra.release_states import Change


@dataclass(frozen=True, kw_only=True)
class ServiceReleaseArgs:
    """What a release is made from.

    Attributes:
        environment: the stack.
        namespace: where its pods run.
        service: the service's settings.
        variant: what the service's pool runs.
        images: digest reference of the image of each version that a slot names.
        gateway: what its route attaches to.
        feedback: where its pods store feedback.
        traces: how many requests its pods trace.
        engine_bucket: where engines lie; None for what the cluster's default storage class gives.
        change: how the release comes from what is deployed; None where nobody asks.
        facts: what rules of change have to know beside the states, by the names under which they look for it.
    """

    environment: str
    namespace: pulumi.Input[str]
    service: settings.Service
    variant: str
    images: Mapping[str, pulumi.Input[str]]
    gateway: Gateway
    feedback: FeedbackStore
    traces: settings.Traces
    engine_bucket: EngineBucket | None = None
    change: Change | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


class ServiceRelease(pulumi.ComponentResource):
    """All slots of a service and its HTTPRoute.

    Its properties are the states before and after, for the rules of change.

    Attributes:
        deployed: what is deployed once the route is changed; None without a change.
    """

    deployed: pulumi.Output[dict[str, Any]] | None

    def __init__(self, name: str, args: ServiceReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        told = {"service": name, "stack": args.environment, **args.facts}
        properties = {**told, **args.change.plain()} if args.change else None
        super().__init__("inferstack:kubernetes:ServiceRelease", name, properties, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = {**naming.labels(name, args.environment), naming.SERVICE_LABEL: name}
        metadata = ObjectMetaArgs(name=name, namespace=args.namespace, labels=labels)
        builds = self._engine_builds(args)
        release = args.service.release
        filled = routing.slots(release)
        scope = Scope(environment=args.environment, namespace=args.namespace, parent=self)
        flags = feature_flags.config_map(args.service, scope)
        slots = {
            slot_name: Slot(
                slot_name,
                SlotArgs(
                    environment=args.environment,
                    namespace=args.namespace,
                    service=args.service,
                    slot=slot,
                    variant=args.variant,
                    image=args.images[slot.version],
                    engines=builds[slot.version].claim if builds else None,
                    feedback=args.feedback,
                    traces=args.traces,
                    gateway=args.gateway,
                    flags=flags,
                ),
                opts=child,
            )
            for slot_name, slot in filled
        }
        services = {slot_name: slot.service_name for slot_name, slot in slots.items()}
        shadow = self._shadow(args, services) if routing.is_mirrored(release) else None
        if shadow is not None:
            services[routing.SHADOW] = shadow.service_name
        gateway_pods = NetworkPolicyPeerArgs(
            namespace_selector=LabelSelectorArgs(
                match_labels={"kubernetes.io/metadata.name": naming.GATEWAY_NAMESPACE}
            ),
            pod_selector=LabelSelectorArgs(match_labels=naming.selector("envoy")),
        )
        NetworkPolicy(
            f"{name}-from-gateway",
            metadata=metadata,
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels={naming.SERVICE_LABEL: name}),
                policy_types=["Ingress"],
                ingress=[NetworkPolicyIngressRuleArgs(from_=[gateway_pods], ports=[NetworkPolicyPortArgs(port=PORT)])],
            ),
            opts=child,
        )
        route = CustomResource(
            name,
            api_version=API_VERSION,
            kind="HTTPRoute",
            metadata=metadata,
            spec={
                "parentRefs": [{"name": args.gateway.name, "namespace": args.gateway.namespace}],
                "rules": split.of_release(name, release, services),
            },
            # Requests are sent to a slot only when its pods are ready.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[args.gateway, *slots.values(), *([shadow] if shadow else [])]
            ),
        )
        recorded = pulumi.ResourceOptions(parent=self, depends_on=[route])
        self.deployed = (
            ReleaseRecord(name, args.change, metadata=metadata, opts=recorded).deployed if args.change else None
        )
        self.register_outputs({"split": departure.after(route, args.change)})

    def _shadow(self, args: ServiceReleaseArgs, services: Mapping[str, pulumi.Input[str]]) -> Shadow:
        """What compares the answers of stable and candidate: code of the newer version."""
        candidate = dict(args.service.release.slots())["candidate"]
        return Shadow(
            args.service.name,
            ShadowArgs(
                environment=args.environment,
                namespace=args.namespace,
                image=args.images[candidate.version],
                stable=services["stable"],
                candidate=services["candidate"],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _engine_builds(self, args: ServiceReleaseArgs) -> dict[str, EngineBuild]:
        """The build of each version that a slot runs; none for a service without a profile."""
        if args.service.profile is None:
            return {}
        child = pulumi.ResourceOptions(parent=self)
        cache = EngineCache(
            args.service.name,
            EngineCacheArgs(environment=args.environment, namespace=args.namespace, bucket=args.engine_bucket),
            opts=child,
        )
        return {
            version: EngineBuild(
                EngineBuildArgs(
                    environment=args.environment,
                    namespace=args.namespace,
                    service=args.service,
                    version=version,
                    variant=args.variant,
                    image=args.images[version],
                    cache=cache,
                ),
                opts=child,
            )
            for version in args.service.versions()
        }
