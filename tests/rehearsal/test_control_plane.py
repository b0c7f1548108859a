"""The throw-away control plane and the stand-ins of the cloud, with the real API server and scheduler."""

import contextlib
import json
import subprocess
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.api import Api
from local.control_plane import PORT_NAMES
from local.toolbox import Toolbox
from rehearsal import aws_command, control_plane, folder, keeper, ports
from rehearsal.cloud import contour
from rehearsal.cloud.contour import Contour
from rehearsal.cloud.load_balancers import LoadBalancers
from rehearsal.cloud.loop import Cloud
from rehearsal.cloud.nodes import Nodes
from rehearsal.cloud.volumes import Volumes
from rehearsal.control_plane import RunningPlane
from rehearsal.errors import RehearsalError
from rehearsal.folder import Folder
from tests.local.waiting import wait_for
from tests.rehearsal.samples import group, pod

pytestmark = pytest.mark.tools
CHECKOUT = Path(__file__).parents[2]
SECONDS = 60
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A control plane with its stand-ins at work."""

    folder: Folder
    plane: RunningPlane
    cloud: Cloud

    @property
    def api(self) -> Api:
        """An administrator's client."""
        return self.plane.api


@contextlib.contextmanager
def running(checkout: Path) -> Generator[Rehearsal]:
    """A control plane whose state lies below a folder of the test's own."""
    tools = Toolbox(CHECKOUT / ".tools" / "bin")
    with (
        folder.claim(checkout, "test") as place,
        keeper.kept(place),
        ports.reserved((*PORT_NAMES, *contour.PORT_NAMES)) as numbers,
    ):
        stages = CHECKOUT / ".tools" / "share" / "kwok" / "stages"
        plane = control_plane.start(place, numbers, tools=tools, stages=stages, context="test")
        with Cloud(
            plane.api,
            nodes=Nodes(plane.api, place.node_groups),
            load_balancers=LoadBalancers(plane.api),
            volumes=Volumes(plane.api),
            contour=Contour(plane.api, place, program=tools.find("contour"), ports=numbers),
        ) as cloud:
            yield Rehearsal(folder=place, plane=plane, cloud=cloud)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One for the tests of this file, with a group of none to two nodes."""
    with running(tmp_path_factory.mktemp("checkout")) as made:
        api = made.api
        api.apply("/api/v1/namespaces/inferstack", {"apiVersion": "v1", "kind": "Namespace"})
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        api.apply("/api/v1/namespaces/inferstack/serviceaccounts/default", account)
        pool = group(min=0, desired=0, max=2)
        (made.folder.node_groups / "cluster.gpu.json").write_text(pool.model_dump_json())
        yield made


def _apply_pod(api: Api, name: str, *, gpus: int = 1, **spec: Any) -> None:  # noqa: ANN401  any field of a pod's spec
    wanted: Json = pod(name, gpus=gpus, **spec)["spec"]
    limits = {"nvidia.com/gpu": str(gpus)}
    container = {"name": "serving", "image": "none", "resources": {"requests": {"cpu": "1"}, "limits": limits}}
    manifest = {"apiVersion": "v1", "kind": "Pod", "spec": {**wanted, "containers": [container]}}
    api.apply(f"/api/v1/namespaces/inferstack/pods/{name}", manifest)


def _is_ready(api: Api, name: str) -> bool:
    conditions = api.get(f"/api/v1/namespaces/inferstack/pods/{name}")["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_pending_pods_get_nodes_until_the_group_is_full(rehearsal: Rehearsal) -> None:
    """Two pods run on two new nodes; the third is pending with the scheduler's reason and the group's maximum."""
    for name in ("serving-0", "serving-1"):
        _apply_pod(rehearsal.api, name)
    wait_for("pods ready", lambda: all(_is_ready(rehearsal.api, f"serving-{n}") for n in (0, 1)), seconds=SECONDS)
    nodes = rehearsal.api.get("/api/v1/nodes")["items"]
    assert {each["metadata"]["labels"]["topology.kubernetes.io/zone"] for each in nodes} == {
        "eu-central-1a",
        "eu-central-1b",
    }
    assert {each["status"]["allocatable"]["nvidia.com/gpu"] for each in nodes} == {"1"}
    _apply_pod(rehearsal.api, "serving-2")
    wait_for("stuck", lambda: rehearsal.cloud.stuck, seconds=SECONDS)
    (pending,) = rehearsal.cloud.pending
    assert pending.pod == "inferstack/serving-2"
    assert "Insufficient nvidia.com/gpu" in pending.reason
    assert pending.remark == "node group gpu is at its maximum of 2 nodes"
    rehearsal.api.delete("/api/v1/namespaces/inferstack/pods/serving-2")
    wait_for("nothing pending", lambda: not rehearsal.cloud.pending, seconds=SECONDS)


def test_services_get_an_address(rehearsal: Rehearsal) -> None:
    """One of type LoadBalancer gets a host name; another gets none."""
    path = "/api/v1/namespaces/inferstack/services"
    for name, kind in (("public", "LoadBalancer"), ("inner", "ClusterIP")):
        spec = {"type": kind, "ports": [{"port": 80}]}
        rehearsal.api.apply(f"{path}/{name}", {"apiVersion": "v1", "kind": "Service", "spec": spec})

    def address(name: str) -> list[Json]:
        return rehearsal.api.get(f"{path}/{name}")["status"]["loadBalancer"].get("ingress", [])

    (found,) = wait_for("an address", lambda: address("public"), seconds=SECONDS)
    assert found["hostname"] == "public.inferstack.rehearsal.elb.example.com"
    assert address("inner") == []


@pytest.mark.parametrize("mode", ["Immediate", "WaitForFirstConsumer"])
def test_claims_get_a_volume(rehearsal: Rehearsal, mode: str) -> None:
    """At once, or in the zone of the node that the scheduler chose for their pod."""
    name = mode.lower()
    rehearsal.api.apply(
        f"/apis/storage.k8s.io/v1/storageclasses/{name}",
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "provisioner": "ebs.csi.aws.com",
            "volumeBindingMode": mode,
        },
    )
    claims = "/api/v1/namespaces/inferstack/persistentvolumeclaims"
    resources = {"requests": {"storage": "20Gi"}}
    spec: Json = {"storageClassName": name, "accessModes": ["ReadWriteOnce"], "resources": resources}
    rehearsal.api.apply(f"{claims}/{name}", {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": spec})
    if mode == "WaitForFirstConsumer":
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
        _apply_pod(rehearsal.api, name, gpus=0, volumes=volumes)
        wait_for("its pod is ready", lambda: _is_ready(rehearsal.api, name), seconds=SECONDS)

    def bound() -> Json | None:
        claim = rehearsal.api.get(f"{claims}/{name}")
        return claim if claim["status"].get("phase") == "Bound" else None

    claim = wait_for("bound", bound, seconds=SECONDS)
    volume = rehearsal.api.get(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}")
    assert volume["spec"]["csi"]["driver"] == "ebs.csi.aws.com"
    assert ("nodeAffinity" in volume["spec"]) == (mode == "WaitForFirstConsumer")


def test_the_stand_in_for_the_aws_command_proves_who_one_is(rehearsal: Rehearsal) -> None:
    """The token that it answers with is one that the API server knows; any other question is refused."""
    aws_command.install(rehearsal.folder, token=rehearsal.plane.token)
    program = rehearsal.folder.bin / "aws"
    asked = [program, "eks", "get-token", "--cluster-name", "inferstack-prod", "--region", "eu-central-1"]
    answer = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    assert answer["kind"] == "ExecCredential"
    assert answer["status"]["token"] in (rehearsal.folder.cluster / "tokens.csv").read_text()
    refused = subprocess.run([program, "s3", "ls"], capture_output=True, text=True, check=False)
    assert refused.returncode == 255
    assert "answers `aws eks get-token` only, not: aws s3 ls" in refused.stderr


def test_a_group_that_goes_takes_its_nodes(rehearsal: Rehearsal) -> None:
    """The file of a node group is deleted: so are its nodes."""
    file = rehearsal.folder.node_groups / "cluster.other.json"
    file.write_text(group(name="other", min=1, desired=1).model_dump_json())

    def names() -> set[str]:
        return {each["metadata"]["name"] for each in rehearsal.api.get("/api/v1/nodes")["items"]}

    wait_for("its node", lambda: "other-0" in names(), seconds=SECONDS)
    file.unlink()
    wait_for("no node", lambda: "other-0" not in names(), seconds=SECONDS)


def test_two_at_once_do_not_meet(rehearsal: Rehearsal, tmp_path: Path) -> None:
    """Another control plane beside this one has other objects, and its end leaves this one as it was."""
    with running(tmp_path) as other:
        assert other.plane.plane.url != rehearsal.plane.plane.url
        assert not other.api.exists("/api/v1/namespaces/inferstack")
        root = other.folder.root
    assert not root.exists()
    assert rehearsal.api.exists("/api/v1/namespaces/inferstack")
    assert not folder.parent(tmp_path).exists()


def test_everything_listens_on_loopback(rehearsal: Rehearsal) -> None:
    """No process of a rehearsal listens on an address that another machine could reach."""
    mark = str(rehearsal.folder.told)
    found: set[str] = set()
    deadline = time.monotonic() + SECONDS
    while len(found) == 0 and time.monotonic() < deadline:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(folder.MARK) == mark:
                    found |= {each.laddr.ip for each in process.net_connections("inet") if each.status == "LISTEN"}
    assert found == {"127.0.0.1"}


def test_a_process_that_ends_is_noticed(tmp_path: Path) -> None:
    """An update would wait for minutes for pods that no one makes ready any more."""
    with running(tmp_path) as rehearsal:
        rehearsal.plane.check()
        process = rehearsal.plane.processes["kwok"]
        process.kill()
        process.wait()
        with pytest.raises(RehearsalError, match="kwok ended with status -9; it said: "):
            rehearsal.plane.check()
