"""What a cluster of a cloud needs besides: GPU agents, the autoscaler, volumes, secrets as files, a spread gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from infra import naming
from infra.kubernetes.autoscaler import Autoscaler, AutoscalerArgs
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.gpu_support import GpuSupport, GpuSupportArgs
from infra.kubernetes.secrets_store import MountedSecret, SecretFiles, SecretFilesArgs
from infra.kubernetes.storage_class import DefaultStorage, DefaultStorageArgs
from tests.infra.recorder import DIGEST, Declared, record, write_definitions

if TYPE_CHECKING:
    from pathlib import Path

PINNED: Final = f"registry/image@{DIGEST}"
ZONE: Final = "topology.kubernetes.io/zone"


def _one(declared: list[Declared], suffix: str, name: str) -> dict[str, Any]:
    found = [each.inputs for each in declared if each.type.endswith(suffix) and each.name == name]
    assert len(found) == 1, f"{name} ({suffix}) in {[(each.type, each.name) for each in declared]}"
    return found[0]


def _pod(declared: list[Declared], suffix: str, name: str) -> dict[str, Any]:
    return _one(declared, suffix, name)["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def gpu_support() -> list[Declared]:
    """The agents of two pools of five nodes at most."""

    def program() -> None:
        GpuSupport(
            "gpu-support",
            GpuSupportArgs(
                environment="prod",
                device_plugin_image=PINNED,
                exporter_image=PINNED,
                pools=["small", "large"],
                max_nodes=5,
            ),
        )

    return record(program)


AGENTS: Final = ("nvidia-device-plugin", "dcgm-exporter")


@pytest.mark.parametrize("agent", AGENTS)
def test_agents_run_on_gpu_nodes_alone(agent: str, gpu_support: list[Declared]) -> None:
    """An agent tolerates the GPU taint, chooses the nodes of the GPU pools, and is the last thing to be evicted."""
    pod = _pod(gpu_support, ":DaemonSet", agent)
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": naming.POOL_LABEL, "operator": "In", "values": ["small", "large"]}]
    assert pod["priorityClassName"] == "system-node-critical"


@pytest.mark.parametrize("agent", AGENTS)
def test_agents_have_one_folder_of_the_node_and_no_rights(agent: str, gpu_support: list[Declared]) -> None:
    """Of the node an agent gets one folder of the kubelet's, and of rights neither capabilities nor a token."""
    pod = _pod(gpu_support, ":DaemonSet", agent)
    (volume,) = (each for each in pod["volumes"] if "hostPath" in each)
    assert volume["hostPath"]["path"].startswith("/var/lib/kubelet/")
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


def test_only_the_plugin_writes_to_the_node(gpu_support: list[Declared]) -> None:
    """The exporter reads what the kubelet tells; the plugin puts its socket beside the kubelet's."""
    for agent, read_only in zip(AGENTS, (False, True), strict=True):
        mounts = _pod(gpu_support, ":DaemonSet", agent)["containers"][0]["volumeMounts"]
        assert [each["readOnly"] for each in mounts if each["name"] == "kubelet"] == [read_only]


def test_the_exporter_asks_for_nothing_that_needs_more_rights(gpu_support: list[Declared]) -> None:
    """Its list has a type and a text for each counter, use and errors among them, and no profiling metrics."""
    listed = _one(gpu_support, ":ConfigMap", "dcgm-exporter")["data"]["counters.csv"]
    counters = [line.split(", ") for line in listed.splitlines()]
    assert {len(each) for each in counters} == {3}
    assert {each[1] for each in counters} == {"gauge", "counter"}
    names = {each[0] for each in counters}
    assert {"DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_XID_ERRORS"} <= names
    assert not any(name.startswith("DCGM_FI_PROF_") for name in names)
    container = _pod(gpu_support, ":DaemonSet", "dcgm-exporter")["containers"][0]
    environment = {each["name"]: each["value"] for each in container["env"]}
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert environment["DCGM_EXPORTER_COLLECTORS"] == f"{mounted['configuration']}/counters.csv"


def test_the_agents_namespace_has_room_for_every_node(gpu_support: list[Declared]) -> None:
    """Both agents fit on all nodes that the pools may have, and on one that replaces another."""
    quota = _one(gpu_support, ":ResourceQuota", f"{naming.GPU_NAMESPACE}-quota")["spec"]["hard"]
    assert quota["pods"] == "12"
    assert quota["requests.cpu"] == "900m"
    containers = [_pod(gpu_support, ":DaemonSet", agent)["containers"][0] for agent in AGENTS]
    assert sum(int(each["resources"]["requests"]["cpu"].removesuffix("m")) for each in containers) == 150
    assert sum(int(each["resources"]["requests"]["memory"].removesuffix("Mi")) for each in containers) == 320
    namespace = _one(gpu_support, ":Namespace", naming.GPU_NAMESPACE)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


@pytest.fixture(scope="module")
def autoscaler() -> list[Declared]:
    """The autoscaler of a cluster."""

    def program() -> None:
        Autoscaler(
            "autoscaler",
            AutoscalerArgs(
                environment="prod", image=PINNED, cluster="inferstack-prod", region="eu-central-1", pool="system"
            ),
        )

    return record(program)


def test_the_autoscaler_finds_its_own_groups(autoscaler: list[Declared]) -> None:
    """It looks for scaling groups by the tags of this cluster, and never scales another's."""
    args = _pod(autoscaler, ":Deployment", "cluster-autoscaler")["containers"][0]["args"]
    tags = "k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/inferstack-prod"
    assert f"--node-group-auto-discovery=asg:tag={tags}" in args
    assert f"--namespace={naming.SYSTEM_NAMESPACE}" in args
    assert {"--cloud-provider=aws", "--expander=least-waste", "--skip-nodes-with-local-storage=false"} <= set(args)


def test_the_autoscaler_does_not_depend_on_what_it_scales(autoscaler: list[Declared]) -> None:
    """It runs on the system pool, twice, in different zones, and a drained node takes one of them at most."""
    deployment = _one(autoscaler, ":Deployment", "cluster-autoscaler")["spec"]
    pod = deployment["template"]["spec"]
    assert deployment["replicas"] == 2
    assert pod["nodeSelector"] == {naming.POOL_LABEL: "system"}
    assert ZONE in [each["topologyKey"] for each in pod["topologySpreadConstraints"]]
    assert _one(autoscaler, ":PodDisruptionBudget", "cluster-autoscaler")["spec"]["maxUnavailable"] == 1


def test_the_autoscaler_may_look_evict_and_mark(autoscaler: list[Declared]) -> None:
    """Cluster-wide it reads, marks nodes and evicts pods; it writes objects in its own namespace, and no secrets."""
    rules = _one(autoscaler, ":ClusterRole", "cluster-autoscaler")["rules"]
    writes = {
        resource: sorted(set(rule["verbs"]) - {"get", "list", "watch"})
        for rule in rules
        for resource in rule["resources"]
        if set(rule["verbs"]) - {"get", "list", "watch"}
    }
    assert writes == {
        "nodes": ["update"],
        "pods/eviction": ["create"],
        "pods/status": ["update"],
        "events": ["create", "patch"],
    }
    assert not any("*" in rule["resources"] or "secrets" in rule["resources"] for rule in rules)
    own = _one(autoscaler, ":Role", "cluster-autoscaler-role")["rules"]
    unnamed = {(rule["resources"][0], verb) for rule in own if not rule.get("resourceNames") for verb in rule["verbs"]}
    assert unnamed == {("configmaps", "create"), ("configmaps", "list"), ("configmaps", "watch"), ("leases", "create")}


def test_volumes_are_encrypted_and_in_the_zone_of_their_pod() -> None:
    """A claim without a class gets an encrypted gp3 volume, made when its pod has a node."""

    def program() -> None:
        DefaultStorage("storage-class", DefaultStorageArgs(environment="prod", key_arn="arn:key"))

    storage_class = _one(record(program), ":StorageClass", "gp3")
    assert storage_class["parameters"] == {"type": "gp3", "encrypted": "true", "kmsKeyId": "arn:key"}
    assert storage_class["volumeBindingMode"] == "WaitForFirstConsumer"
    assert storage_class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"


def test_a_secret_is_named_and_never_held() -> None:
    """Kubernetes learns which secret and which of its fields, and pods get a file for each."""
    mounted = list[MountedSecret]()

    def program() -> None:
        files = SecretFiles(
            "database",
            SecretFilesArgs(
                environment="prod",
                namespace="inferstack",
                secret_arn="arn:aws:secretsmanager:eu-central-1:1:secret:rds!db-1",  # noqa: S106  a name
                fields=("username", "password"),
                region="eu-central-1",
            ),
        )
        mounted.append(files.mounted)

    made = _one(record(program), ":SecretProviderClass", "database")
    parameters = made["spec"]["parameters"]
    (item,) = yaml.safe_load(parameters["objects"])
    assert item["objectName"] == "arn:aws:secretsmanager:eu-central-1:1:secret:rds!db-1"
    assert [field["objectAlias"] for field in item["jmesPath"]] == ["username", "password"]
    assert parameters["usePodIdentity"] == "true"
    assert "secretObjects" not in made["spec"]
    assert mounted[0].volume().csi.volume_attributes == {"secretProviderClass": "database"}  # pyright: ignore[reportOptionalMemberAccess, reportUnknownMemberType, reportAttributeAccessIssue]  # half typed
    assert mounted[0].mount().read_only is True


def test_a_gateway_of_a_cloud_survives_a_zone(tmp_path: Path) -> None:
    """Three Envoys and two Contours on the system pool, spread over zones, each with a disruption budget."""
    write_definitions(tmp_path)

    def program() -> None:
        Gateway(
            "gateway",
            GatewayArgs(
                environment="prod",
                contour_image=PINNED,
                envoy_image=PINNED,
                node_port=30080,
                crds=tmp_path,
                replicas=3,
                pool="system",
            ),
        )

    declared = record(program)
    for name, replicas in (("envoy", 3), ("contour", 2)):
        deployment = _one(declared, ":Deployment", name)["spec"]
        pod = deployment["template"]["spec"]
        assert deployment["replicas"] == replicas
        assert pod["nodeSelector"] == {naming.POOL_LABEL: "system"}
        assert ZONE in [each["topologyKey"] for each in pod["topologySpreadConstraints"]]
        assert _one(declared, ":PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1
    assert _pod(declared, ":Job", "contour-certgen")["nodeSelector"] == {naming.POOL_LABEL: "system"}
    quota = _one(declared, ":ResourceQuota", f"{naming.GATEWAY_NAMESPACE}-quota")["spec"]["hard"]
    assert quota["pods"] == "8"
