"""What the pods of a slot and of an engine build have in common: placement, resources, settings, volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes.core.v1 import (
    EmptyDirVolumeSourceArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    ResourceRequirementsArgs,
    TolerationArgs,
    VolumeArgs,
    VolumeMountArgs,
)

from infra import naming, quantities
from infra.kubernetes.traffic import OTLP_PORT

if TYPE_CHECKING:
    import pulumi

    from infra.settings import Profile, Service, Traces

PORT = 8080
# ONNX Runtime's name of what a variant runs on.
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda-trt": "TensorrtExecutionProvider"}
_ENGINES = "/engines"
# An engine is copied there and checked before it is loaded; encoders' are up to a gigabyte, and a build keeps two.
_SCRATCH = "4Gi"


def environment(service: Service, variant: str) -> dict[str, str]:
    """The variables ``SERVING_*`` that decide what is run and how.

    Args:
        service: with a profile, or without where no engine is built.
        variant: what its pool runs.
    """
    cpu = service.resources.cpu_limit or service.resources.cpu
    common = {
        "SERVING_PROVIDER": _PROVIDERS[variant],
        "SERVING_THREADS": str(max(1, quantities.millis(cpu) // 1000)),
    }
    return common if service.profile is None else common | _profile(service.profile)


def _profile(profile: Profile) -> dict[str, str]:
    batch, length = profile.batch, profile.length
    return {
        "SERVING_PRECISION": profile.precision,
        "SERVING_BATCH_SHAPES": f"{batch.min},{batch.opt},{batch.max}",
        "SERVING_LENGTH_SHAPES": f"{length.min},{length.opt},{length.max}",
        "SERVING_WORKSPACE_MIB": str(profile.workspace_mib),
        "SERVING_ENGINE_CACHE": _ENGINES,
    }


def tracing(traces: Traces) -> dict[str, str]:
    """The variables ``SERVING_*`` that decide what is traced, and where to.

    Args:
        traces: nothing else of the stack's monitoring may reach a pod: a change would start all of them anew.
    """
    if not traces.sampling:
        return {}  # the gateway decides nothing then, and a pod would trace whatever a client asks it to
    return {
        "SERVING_OTLP_ENDPOINT": f"http://collector.{naming.MONITORING_NAMESPACE}:{OTLP_PORT}",
        "SERVING_TRACE_SAMPLING": str(traces.sampling),
    }


def resources(service: Service) -> ResourceRequirementsArgs:
    """What one pod asks for and is held to."""
    asked = service.resources
    gpus = {naming.GPU_RESOURCE: str(asked.gpus)} if asked.gpus else {}
    return ResourceRequirementsArgs(
        requests={"cpu": asked.cpu, "memory": asked.memory, **gpus},
        limits={"cpu": asked.cpu_limit or asked.cpu, "memory": asked.memory, **gpus},
    )


def tolerations(service: Service) -> list[TolerationArgs] | None:
    """Of the taint that keeps GPU nodes for those who need them."""
    if not service.resources.gpus:
        return None
    return [TolerationArgs(key=naming.GPU_RESOURCE, operator="Exists", effect="NoSchedule")]


def volumes(engines: pulumi.Input[str] | None) -> list[VolumeArgs]:
    """Scratch space, and the claim of the engine cache where there is one."""
    if engines is None:
        return [VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit="64Mi"))]
    return [
        VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit=_SCRATCH)),
        VolumeArgs(name="engines", persistent_volume_claim=PersistentVolumeClaimVolumeSourceArgs(claim_name=engines)),
    ]


def mounts(*, engines: bool, read_only: bool) -> list[VolumeMountArgs]:
    """Where the volumes are in the container."""
    tmp = VolumeMountArgs(name="tmp", mount_path="/tmp")  # noqa: S108  # a volume of the pod's own
    if not engines:
        return [tmp]
    return [tmp, VolumeMountArgs(name="engines", mount_path=_ENGINES, read_only=read_only)]
