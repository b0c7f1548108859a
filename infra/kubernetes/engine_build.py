"""The Job that builds the engine of one version on its pool, before the pods that load it (ADR 0011)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.batch.v1 import Job, JobSpecArgs
from pulumi_kubernetes.core.v1 import ContainerArgs, EnvVarArgs, PodSpecArgs, PodTemplateSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import naming
from infra.kubernetes import serving_pod
from infra.kubernetes.pods import container_security_context, pod_security_context

if TYPE_CHECKING:
    from infra.kubernetes.engine_cache import EngineCache
    from infra.settings import Service

# TensorRT needs minutes for an encoder; a pool that was empty needs some more for its first node and the image.
_BUILD_SECONDS = 1800
_AWAIT = "40m"


@dataclass(frozen=True, kw_only=True)
class EngineBuildArgs:
    """What a build is made from.

    Attributes:
        environment: the stack.
        namespace: where the Job runs.
        service: with a profile.
        version: whose engine it is.
        variant: what the service's pool runs.
        image: digest reference of the version's image, which builds the engine that it will load.
        cache: where the engine goes.
    """

    environment: str
    namespace: pulumi.Input[str]
    service: Service
    version: str
    variant: str
    image: pulumi.Input[str]
    cache: EngineCache


class EngineBuild(pulumi.ComponentResource):
    """One version's engine.

    Attributes:
        claim: name of the claim that holds it, known once the Job has ended well: whatever mounts it waits for that.
    """

    claim: pulumi.Output[str]

    def __init__(self, args: EngineBuildArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        name = naming.engine_build_name(args.service.name, args.version)
        super().__init__("inferstack:kubernetes:EngineBuild", name, None, opts)
        labels = {
            **naming.labels(name, args.environment),
            naming.SERVICE_LABEL: args.service.name,
            "app.kubernetes.io/version": args.version,
        }
        job = Job(
            name,
            metadata=ObjectMetaArgs(name=name, namespace=args.namespace, labels=labels),
            spec=JobSpecArgs(
                # A second try for a node that went; what the engine was found to do wrong stays wrong.
                backoff_limit=1,
                active_deadline_seconds=_BUILD_SECONDS,
                template=PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels), spec=_pod(args)),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                custom_timeouts=pulumi.CustomTimeouts(create=_AWAIT, update=_AWAIT),
                # A Job's template cannot be changed, and its name is taken while it is there.
                delete_before_replace=True,
            ),
        )
        # Names, unlike ids, are known in a preview.
        done = pulumi.Output.all(args.cache.claim, job.metadata.name)
        self.claim = done.apply(lambda known: known[0])
        self.register_outputs({"claim": self.claim})


def _pod(args: EngineBuildArgs) -> PodSpecArgs:
    environment = serving_pod.environment(args.service, args.variant)
    return PodSpecArgs(
        restart_policy="Never",
        service_account_name=args.cache.account,
        automount_service_account_token=False,
        enable_service_links=False,
        node_selector={naming.POOL_LABEL: args.service.pool},
        tolerations=serving_pod.tolerations(args.service),
        security_context=pod_security_context(),
        containers=[
            ContainerArgs(
                name="build",
                image=args.image,
                command=["python3", "-m", "serving.engine", "build"],
                env=[EnvVarArgs(name=key, value=value) for key, value in environment.items()],
                resources=serving_pod.resources(args.service),
                security_context=container_security_context(),
                volume_mounts=serving_pod.mounts(engines=True, read_only=False),
            )
        ],
        volumes=serving_pod.volumes(args.cache.claim),
    )
