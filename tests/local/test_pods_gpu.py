"""The image's variant cuda-trt on the embedded cluster, built with stubs in place of NVIDIA's libraries.

Real: the Dockerfile's target, the wheels but NVIDIA's, onnxruntime-gpu, the node, the Job's command, the pod's probes.
Not run: anything on a GPU, TensorRT, CUDA; the engine that the Job builds here is the CPU's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pulumi
import pytest
from pulumi import automation

from infra.cluster import ClusterAccess
from infra.images import BuiltImage, BuiltImageArgs
from local.images.cuda_wheels import STUB, prepare_cuda_stub
from local.paths import Paths
from local.stack import LocalStack
from tests.local.conftest import CHECKOUT
from tests.local.waiting import wait_for
from tests.serving.tiny import write_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.local.conftest import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

NAMESPACE = "gpu-image-tests"
PROFILE = {
    "SERVING_PRECISION": "fp16",
    "SERVING_BATCH_SHAPES": "1,2,4",
    "SERVING_LENGTH_SHAPES": "5,8,16",
    "SERVING_ENGINE_CACHE": "/engines",
    "SERVING_THREADS": "1",
}
CPU = {"SERVING_PROVIDER": "CPUExecutionProvider"}


@pytest.fixture(scope="module")
def image(cluster: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of a tiny model, built and pushed by the program's own component."""
    prepare_cuda_stub(print)
    folder = tmp_path_factory.mktemp("gpu-image")
    model = write_model(folder / "model")

    def program() -> None:
        access = ClusterAccess(
            provider=None,  # pyright: ignore[reportArgumentType]  # images need no provider
            registry=f"{cluster.registry}/tests",
            builder=cluster.builder,
            entry="",
        )

        def build(
            name: str,
            context: Path,
            target: str | None = None,
            contexts: Mapping[str, Path] | None = None,
            arguments: Mapping[str, pulumi.Input[str]] | None = None,
        ) -> pulumi.Output[str]:
            args = BuiltImageArgs(
                access=access,
                repository=name,
                tag="test",
                context=context,
                target=target,
                named_contexts=contexts or {},
                build_args=arguments or {},
            )
            return BuiltImage(name, args).reference

        base = build("gpu-base", CHECKOUT / ".state" / "contexts" / "base")
        reference = build(
            "gpu-serving",
            CHECKOUT / "serving",
            target="cuda-trt",
            contexts={"wheels": STUB, "model": model},
            arguments={"BASE_IMAGE": base, "SERVICE": "sentiment", "VERSION": "0.1.0"},
        )
        pulumi.export("reference", reference)

    (folder / "backend").mkdir()
    variables = LocalStack(Paths.of_this_checkout()).environment | {
        "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", variables["PATH"])  # where Pulumi itself is looked for
        stack = automation.create_stack(
            "test",
            project_name="gpu-image",
            program=program,
            opts=automation.LocalWorkspaceOptions(env_vars=variables, work_dir=str(folder)),
        )
        return stack.up().outputs["reference"].value


@pytest.fixture(scope="module")
def namespace(cluster: RunningCluster) -> Iterator[str]:
    """A namespace for these tests, with its default service account."""
    path = f"/api/v1/namespaces/{NAMESPACE}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.api.apply(path, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": labels}})
    wait_for("account", lambda: cluster.api.exists(f"{path}/serviceaccounts/default"), seconds=20)
    yield NAMESPACE
    cluster.api.delete(path)
    wait_for("namespace gone", lambda: not cluster.api.exists(path), seconds=60)


def _pod(image: str, command: list[str], variables: dict[str, str]) -> dict[str, Any]:
    """A pod as the program declares it, with a folder of its own in place of the claim."""
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "engines", "emptyDir": {}}],
        "containers": [
            {
                "name": "it",
                "image": image,
                "command": command,
                "env": [{"name": name, "value": value} for name, value in variables.items()],
                "resources": {"limits": {"nvidia.com/gpu": "1", "cpu": "1", "memory": "1Gi"}},
                "volumeMounts": [
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
                    {"name": "engines", "mountPath": "/engines"},
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def _ended(cluster: RunningCluster, path: str) -> str:
    def phase() -> str | None:
        found: str = cluster.api.get(path)["status"].get("phase", "")
        return found if found in {"Succeeded", "Failed"} else None

    return wait_for("the pod has ended", phase, seconds=120)


def _run(cluster: RunningCluster, name: str, spec: dict[str, Any]) -> tuple[str, str]:
    """Run a pod to its end; give its phase and what it said."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
    cluster.api.apply(path, {"apiVersion": "v1", "kind": "Pod", "spec": spec})
    return _ended(cluster, path), cluster.api.text(f"{path}/log")


BUILD = ["python3", "-m", "serving.engine", "build"]


def test_the_image_says_what_it_is_for(cluster: RunningCluster, image: str) -> None:
    """The image asks for TensorRT, finds libraries by the loader's path, and takes no GPU that no one gave it."""
    repository, digest = image.removeprefix(f"{cluster.registry}/").split("@")
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"}
    registry = f"http://{cluster.registry}/v2/{repository}"
    manifest = httpx.get(f"{registry}/manifests/{digest}", headers=accept).json()
    if "manifests" in manifest:
        manifest = httpx.get(f"{registry}/manifests/{manifest['manifests'][0]['digest']}", headers=accept).json()
    config = httpx.get(f"{registry}/blobs/{manifest['config']['digest']}").json()["config"]
    variables = dict(entry.split("=", maxsplit=1) for entry in config["Env"])
    assert variables["SERVING_PROVIDER"] == "TensorrtExecutionProvider"
    assert "/app/packages/tensorrt_libs" in variables["LD_LIBRARY_PATH"].split(":")
    assert variables["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert "NVIDIA_VISIBLE_DEVICES" not in variables
    assert config["User"] == "65532:65532"


def test_the_job_builds_and_tries_an_engine(cluster: RunningCluster, image: str, namespace: str) -> None:
    """The Job's command ends well on the node: built, tried on golden texts and shapes, stored with a receipt."""
    assert namespace
    phase, said = _run(cluster, "build", _pod(image, [*BUILD, "--json"], PROFILE | CPU))
    assert phase == "Succeeded", said
    receipt = json.loads(said[said.index("{") :].rpartition("}")[0] + "}")
    assert receipt["key"]["onnxruntime"] == "1.31.1"
    assert [run["batch"] for run in receipt["runs"]] == [1, 2, 4]


def test_the_job_without_a_gpu_fails(cluster: RunningCluster, image: str, namespace: str) -> None:
    """Where the node's GPU is not real the Job fails with what is missing, and nothing is built on the CPU instead."""
    assert namespace
    phase, said = _run(cluster, "no-gpu", _pod(image, BUILD, PROFILE))
    assert phase == "Failed"
    assert said == "serving.engine: no GPU can be used: NVML says: NVML Shared Library Not Found\n"


def test_a_pod_without_its_engine_is_not_ready(cluster: RunningCluster, image: str, namespace: str) -> None:
    """The service starts, says why it cannot serve, and does not become ready."""
    ask = (
        "import subprocess, sys, time, urllib.request, urllib.error\n"
        "server = subprocess.Popen([sys.executable, '-m', 'serving'], stdout=subprocess.DEVNULL)\n"
        "for _ in range(300):\n"
        "    try: urllib.request.urlopen('http://127.0.0.1:8080/readyz')\n"
        "    except urllib.error.HTTPError as error:\n"
        "        answer = error.read().decode()\n"
        "        if 'failed' in answer: print(answer); break\n"
        "    except OSError: pass\n"
        "    time.sleep(0.1)\n"
        "server.kill()\n"
    )
    assert namespace
    _, said = _run(cluster, "serve", _pod(image, ["python3", "-c", ask], PROFILE))
    assert json.loads(said)["reason"] == "model: failed: no GPU can be used: NVML says: NVML Shared Library Not Found"
    cpu = _pod(image, ["python3", "-c", ask], PROFILE | CPU)
    _, said = _run(cluster, "serve-cpu", cpu)
    assert json.loads(said)["reason"].startswith("model: failed: no engine in /engines/x86_64-")
