"""The components, as the engine would see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import serving.settings
from infra import naming, settings
from infra.capacity import Demand
from infra.cluster import ClusterAccess
from infra.images import BuiltImage, BuiltImageArgs
from infra.kubernetes import definitions, feedback_store
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.service_release import ServiceRelease, ServiceReleaseArgs
from infra.settings.errors import SettingsError
from tests.infra.recorder import DIGEST, Declared, record, write_definitions
from tests.infra.samples import OBJECTIVE, TEAM

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = {"0.1.0": f"registry/sentiment@{DIGEST}", "0.2.0": f"registry/sentiment@{DIGEST}"}
CANARY = settings.CanaryRelease(
    strategy="canary",
    stable=settings.Slot(version="0.1.0", replicas=2, weight=80),
    candidate=settings.Slot(version="0.2.0", replicas=1, weight=20),
)


def _service(*, gpus: int = 1, objective: settings.Objective = OBJECTIVE) -> settings.Service:
    return settings.Service(
        name="sentiment",
        task="text-classification",
        pool="gpu",
        team=TEAM,
        objective=objective,
        resources=settings.Resources(cpu="2", memory="1Gi", gpus=gpus),
        release=CANARY,
    )


def _gateway(tmp_path: Path) -> Gateway:
    write_definitions(tmp_path)
    return Gateway(
        "gateway",
        GatewayArgs(
            environment="local",
            contour_image=f"registry/contour@{DIGEST}",
            envoy_image=f"registry/envoy@{DIGEST}",
            node_port=30080,
            crds=tmp_path,
        ),
    )


def _declare(
    tmp_path: Path, *, gpus: int = 1, objective: settings.Objective = OBJECTIVE, sampling: int = 5
) -> list[Declared]:
    def program() -> None:
        ServiceRelease(
            "sentiment",
            ServiceReleaseArgs(
                environment="local",
                namespace="inferstack",
                service=_service(gpus=gpus, objective=objective),
                variant="cpu",
                images=IMAGES,
                gateway=_gateway(tmp_path),
                feedback=feedback_store.sqlite(),
                traces=settings.Traces(sampling=sampling),
            ),
        )

    return record(program)


@pytest.fixture
def declared(tmp_path: Path) -> list[Declared]:
    """A gateway and a canary release of two slots."""
    return _declare(tmp_path)


def _one(declared: list[Declared], suffix: str, name: str) -> dict[str, Any]:
    found = [each.inputs for each in declared if each.type.endswith(suffix) and each.name == name]
    assert len(found) == 1, f"{name} ({suffix}) in {[(each.type, each.name) for each in declared]}"
    return found[0]


def test_every_object_carries_the_labels(declared: list[Declared]) -> None:
    """Every Kubernetes object says what it is, whose it is and which environment it belongs to."""
    objects = [each for each in declared if each.type.startswith("kubernetes:") and "metadata" in each.inputs]
    assert len(objects) > 20
    for each in objects:
        expected = naming.labels("any", "local").keys()
        assert expected <= each.inputs["metadata"]["labels"].keys(), each.name


def test_a_slot_asks_for_its_gpus_on_its_pool(declared: list[Declared]) -> None:
    """A slot's pods request GPUs as their limit, tolerate the GPU taint and choose the pool's nodes."""
    pod = _one(declared, ":Deployment", "sentiment-stable")["spec"]["template"]["spec"]
    resources = pod["containers"][0]["resources"]
    assert resources["requests"] == resources["limits"] == {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["nodeSelector"] == {"inferstack.dev/pool": "gpu"}


def test_a_service_without_gpus_asks_for_none(tmp_path: Path) -> None:
    """Zero GPUs means no GPU request and no toleration for nodes that are kept for those who need them."""
    pod = _one(_declare(tmp_path, gpus=0), ":Deployment", "sentiment-stable")["spec"]["template"]["spec"]
    assert "nvidia.com/gpu" not in pod["containers"][0]["resources"]["requests"]
    assert not pod.get("tolerations")


def test_a_slot_is_a_deployment_of_its_version(declared: list[Declared]) -> None:
    """Each slot has its replicas, its version on its pods, a budget and a Service that find them, and no token."""
    for slot, replicas, version in (("stable", 2, "0.1.0"), ("candidate", 1, "0.2.0")):
        name = f"sentiment-{slot}"
        deployment = _one(declared, ":Deployment", name)
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["replicas"] == replicas
        assert labels["app.kubernetes.io/version"] == version
        assert labels["inferstack.dev/slot"] == slot
        budget = _one(declared, ":PodDisruptionBudget", name)
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert _one(declared, ":Service", name)["spec"]["selector"].items() <= labels.items()
        assert deployment["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
        assert _one(declared, ":ServiceAccount", name)["automountServiceAccountToken"] is False


def test_pods_trace_to_the_collector(tmp_path: Path) -> None:
    """A pod is told where the collector is and how many requests to trace, in per cent."""
    pod = _one(_declare(tmp_path, sampling=25), ":Deployment", "sentiment-stable")["spec"]["template"]["spec"]
    variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    told = serving.settings.Settings.from_environment(variables)
    assert (told.otlp_endpoint, told.trace_sampling) == ("http://collector.inferstack-monitoring:4317", 25)


def test_pods_of_a_stack_without_traces_have_no_collector(tmp_path: Path) -> None:
    """Else a client's own header would decide what is traced."""
    pod = _one(_declare(tmp_path, sampling=0), ":Deployment", "sentiment-stable")["spec"]["template"]["spec"]
    variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    assert serving.settings.Settings.from_environment(variables).otlp_endpoint is None


def test_an_objective_changes_no_object_of_the_release(tmp_path: Path) -> None:
    """Another objective changes what is alerted on, and neither a pod nor a route."""
    other = settings.Objective(availability=99.9, latency=settings.Latency(quantile=99, seconds=0.5), window_days=30)
    before, after = (
        {(each.type, each.name): each.inputs for each in _declare(tmp_path, objective=objective)}
        for objective in (OBJECTIVE, other)
    )
    assert before == after


def test_slots_select_only_their_own_pods(declared: list[Declared]) -> None:
    """A slot's selector does not match the other slot's pods, or the weights would mean nothing."""
    stable = _one(declared, ":Deployment", "sentiment-stable")["spec"]["selector"]["matchLabels"]
    candidate = _one(declared, ":Deployment", "sentiment-candidate")["spec"]["template"]["metadata"]["labels"]
    assert not stable.items() <= candidate.items()


def test_the_route_splits_by_weight_and_hides_what_is_inside(declared: list[Declared]) -> None:
    """The route sends each slot its share, publishes /v1 and the documentation, and neither health nor metrics."""
    rules = _one(declared, ":HTTPRoute", "sentiment")["spec"]["rules"]
    by_weight = [rule for rule in rules if "headers" not in rule["matches"][0]]
    for rule in by_weight:
        assert [(backend["name"], backend["weight"]) for backend in rule["backendRefs"]] == [
            ("sentiment-stable", 60),
            ("sentiment-candidate", 20),
            ("sentiment-baseline", 20),
        ]
    paths = [rule["matches"][0]["path"]["value"] for rule in by_weight]
    assert paths == ["/sentiment/v1", "/sentiment/docs", "/sentiment/openapi.json"]


def test_the_gateway_is_the_only_way_to_a_service(declared: list[Declared]) -> None:
    """Pods of a service take traffic from Envoy's pods alone."""
    policy = _one(declared, ":NetworkPolicy", "sentiment-from-gateway")["spec"]
    (rule,) = policy["ingress"]
    (peer,) = rule["from"]
    assert peer["podSelector"]["matchLabels"] == naming.selector("envoy")
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": naming.GATEWAY_NAMESPACE}


def test_a_namespace_is_closed_from_the_start() -> None:
    """A namespace has a quota of what its pods may ask for, default limits, and no traffic but DNS."""
    demand = Demand(pods=3, cpu_millis=2500, memory_mib=2048, gpus=2)
    declared = record(
        lambda: (ClosedNamespace("team", ClosedNamespaceArgs(environment="local", demand=demand)), None)[1]
    )
    quota = _one(declared, ":ResourceQuota", "team-quota")["spec"]["hard"]
    assert quota == {
        "requests.cpu": "2500m",
        "requests.memory": "2048Mi",
        "requests.nvidia.com/gpu": "2",
        "pods": "3",
    }
    deny = _one(declared, ":NetworkPolicy", "team-default-deny")["spec"]
    assert deny == {"podSelector": {"matchLabels": {}}, "policyTypes": ["Ingress", "Egress"]}
    assert _one(declared, ":LimitRange", "team-limits")["spec"]["limits"][0]["default"]


def test_an_image_is_built_without_a_network_and_pushed(tmp_path: Path) -> None:
    """An image is named by digest, pushed, built on an update only, and its RUN steps reach no network."""

    def program() -> None:
        access = ClusterAccess(provider=None, registry="registry", builder="builder", entry="http://127.0.0.1")  # pyright: ignore[reportArgumentType]  # images need no provider
        built = BuiltImage(
            "sentiment-0.1.0",
            BuiltImageArgs(
                access=access,
                repository="sentiment",
                tag="0.1.0",
                context=tmp_path,
                named_contexts={"model": tmp_path / "model"},
                build_args={"BASE_IMAGE": "base"},
            ),
        )
        built.reference.apply(references.append)

    references = list[str]()
    image = _one(record(program), ":Image", "sentiment-0.1.0")
    assert references == [f"registry/sentiment@{DIGEST}"]
    assert image["push"] is True
    assert image["network"] == "none"
    assert image["buildOnPreview"] is False
    assert image["tags"] == ["registry/sentiment:0.1.0"]
    assert image["context"]["named"] == {"model": {"location": str(tmp_path / "model")}}


def test_only_needed_definitions_are_applied_and_without_descriptions(tmp_path: Path) -> None:
    """Kinds and versions that nothing uses are left out, and so are texts, but no property called description."""
    write_definitions(tmp_path)
    read = definitions.read(tmp_path)
    assert [each["metadata"]["name"].split(".")[0] for each in read] == list(definitions.NEEDED)
    (version,) = read[0]["spec"]["versions"]
    assert version["name"] == "v1"
    assert version["schema"] == {"properties": {"description": {"type": "string"}}}


def test_what_nobody_writes_is_not_described(tmp_path: Path) -> None:
    """Contour's own kinds are there for it to watch; what they may hold is left open."""
    write_definitions(tmp_path)
    crds = tmp_path / "crds.yaml"
    crds.write_text(crds.read_text().replace("httpproxies.example.org", "httpproxies.projectcontour.io"))
    read = {each["metadata"]["name"]: each["spec"]["versions"][0] for each in definitions.read(tmp_path)}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert read["httpproxies.projectcontour.io"]["schema"] == {"openAPIV3Schema": anything}
    assert read["httproutes.example.org"]["schema"] != {"openAPIV3Schema": anything}


def test_a_missing_definition_is_named(tmp_path: Path) -> None:
    """Without Contour's files the answer says which definitions are missing and what brings them."""
    with pytest.raises(SettingsError, match=r"no definition of contourconfigurations, .*make tools"):
        definitions.read(tmp_path)
