"""Engines: the Job that builds one, the folder that holds it, and the pods that wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra import settings
from infra.kubernetes import feedback_store
from infra.kubernetes.engine_cache import EngineBucket
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.service_release import ServiceRelease, ServiceReleaseArgs
from serving.settings import Settings
from tests.infra.recorder import DIGEST, Declared, record, write_definitions
from tests.infra.samples import OBJECTIVE, TEAM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGES: dict[str, str] = dict.fromkeys(("0.1.0", "0.2.0-rc.1"), f"registry/sentiment@{DIGEST}")
PROFILE = settings.Profile(
    precision="fp16",
    batch=settings.Shape(min=1, opt=8, max=32),
    length=settings.Shape(min=8, opt=32, max=128),
    workspace_mib=1024,
)
BUCKET = EngineBucket(name="models", region="eu-central-1", prefix="engines")
RELEASE = settings.BlueGreenRelease(
    strategy="blue_green",
    blue=settings.Slot(version="0.1.0", replicas=2, weight=100),
    green=settings.Slot(version="0.2.0-rc.1", replicas=0, weight=0),
)


@pytest.fixture
def declare(tmp_path: Path) -> Callable[..., list[Declared]]:
    """Give a function that declares a service on a GPU pool, or on one of variant cpu without a profile."""
    write_definitions(tmp_path)

    def run(*, profile: settings.Profile | None = PROFILE, bucket: EngineBucket | None = BUCKET) -> list[Declared]:
        service = settings.Service(
            name="sentiment",
            task="text-classification",
            pool="gpu",
            team=TEAM,
            objective=OBJECTIVE,
            resources=settings.Resources(cpu="2", memory="8Gi", gpus=1),
            profile=profile,
            release=RELEASE,
        )

        def program() -> None:
            gateway = Gateway(
                "gateway",
                GatewayArgs(
                    environment="prod",
                    contour_image=f"registry/contour@{DIGEST}",
                    envoy_image=f"registry/envoy@{DIGEST}",
                    node_port=30080,
                    crds=tmp_path,
                ),
            )
            ServiceRelease(
                "sentiment",
                ServiceReleaseArgs(
                    environment="prod",
                    namespace="inferstack",
                    service=service,
                    variant="cuda-trt" if profile else "cpu",
                    images=IMAGES,
                    gateway=gateway,
                    feedback=feedback_store.sqlite(),
                    traces=settings.Traces(),
                    engine_bucket=bucket,
                ),
            )

        return record(program)

    return run


def one(declared: list[Declared], suffix: str, name: str) -> dict[str, Any]:
    """Give the inputs of a resource by the end of its type and its name."""
    [found] = [each.inputs for each in declared if each.type.endswith(suffix) and each.name == name]
    return found


def test_one_job_builds_each_version(declare: Callable[..., list[Declared]]) -> None:
    """Each version that a slot names has a Job, of its own image, on the pool, with a GPU, that ends by itself."""
    declared = declare()
    jobs = {each.name: each.inputs for each in declared if each.type.endswith(":Job")}
    ours = {name for name in jobs if name.startswith("sentiment-")}
    assert ours == {"sentiment-0-1-0-engine", "sentiment-0-2-0-rc-1-engine"}
    spec = jobs["sentiment-0-1-0-engine"]["spec"]
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], pod["restartPolicy"]) == (1, 1800, "Never")
    assert container["image"] == IMAGES["0.1.0"]
    assert container["command"] == ["python3", "-m", "serving.engine", "build"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["nodeSelector"] == {"inferstack.dev/pool": "gpu"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_job_and_its_pods_are_told_the_same(declare: Callable[..., list[Declared]]) -> None:
    """Job and pods run the same profile, so that pods look for the very engine that the Job made."""
    declared = declare()
    build, serve = (
        {entry["name"]: entry["value"] for entry in spec["containers"][0]["env"]}
        for spec in (
            one(declared, ":Job", "sentiment-0-1-0-engine")["spec"]["template"]["spec"],
            one(declared, ":Deployment", "sentiment-blue")["spec"]["template"]["spec"],
        )
    )
    assert build.items() <= serve.items()
    told = Settings.from_environment(build)
    assert told.profile is not None
    assert told.profile.model_dump() == PROFILE.model_dump()
    assert Settings.from_environment(serve).provider == "TensorrtExecutionProvider"


def test_only_the_job_writes(declare: Callable[..., list[Declared]]) -> None:
    """The Job mounts the claim to write, pods only to read; both have the same claim."""
    declared = declare()
    for kind, name, read_only in ((":Job", "sentiment-0-1-0-engine", False), (":Deployment", "sentiment-blue", True)):
        pod = one(declared, kind, name)["spec"]["template"]["spec"]
        [claim] = [volume["persistentVolumeClaim"] for volume in pod["volumes"] if volume["name"] == "engines"]
        [mount] = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "engines"]
        assert claim["claimName"] == "sentiment-engines"
        assert mount["readOnly"] is read_only


def test_pods_wait_for_their_own_engine(declare: Callable[..., list[Declared]]) -> None:
    """A slot's Deployment is declared only when the Job of its version has ended."""
    order = [(each.type.rpartition(":")[2], each.name) for each in declare()]
    for slot, version in (("blue", "0-1-0"), ("green", "0-2-0-rc-1")):
        assert order.index(("Job", f"sentiment-{version}-engine")) < order.index(("Deployment", f"sentiment-{slot}"))


def test_engines_in_a_bucket(declare: Callable[..., list[Declared]]) -> None:
    """On AWS the claim is a service's own prefix of the bucket, read and written with the pods' own rights."""
    declared = declare()
    volume = one(declared, ":PersistentVolume", "sentiment-engines")["spec"]
    claim = one(declared, ":PersistentVolumeClaim", "sentiment-engines")["spec"]
    assert volume["csi"]["volumeAttributes"] == {"bucketName": "models", "authenticationSource": "pod"}
    assert {"prefix engines/sentiment/", "region eu-central-1", "allow-overwrite"} <= set(volume["mountOptions"])
    assert volume["claimRef"] == {"name": "sentiment-engines", "namespace": "inferstack"}
    assert (claim["volumeName"], claim["storageClassName"]) == ("sentiment-engines", "")
    assert volume["accessModes"] == claim["accessModes"] == ["ReadWriteMany"]


def test_engines_elsewhere(declare: Callable[..., list[Declared]]) -> None:
    """Without a bucket the cluster's default storage class gives the volume."""
    declared = declare(bucket=None)
    assert not [each for each in declared if each.type.endswith(":PersistentVolume")]
    claim = one(declared, ":PersistentVolumeClaim", "sentiment-engines")["spec"]
    assert "storageClassName" not in claim
    assert "volumeName" not in claim


def test_no_profile_no_engine(declare: Callable[..., list[Declared]]) -> None:
    """A service on a pool of variant cpu has no Job, no claim and no larger scratch space."""
    declared = declare(profile=None)
    assert not [each.name for each in declared if each.name.startswith("sentiment") and each.type.endswith(":Job")]
    assert not [each for each in declared if each.type.endswith(":PersistentVolumeClaim")]
    pod = one(declared, ":Deployment", "sentiment-blue")["spec"]["template"]["spec"]
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]
