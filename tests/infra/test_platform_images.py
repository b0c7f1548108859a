"""What the platform runs on: built out of what `make images` prepared, or as the stack file names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra import images, settings
from infra.cluster import ClusterAccess
from infra.image_registries import parse
from tests.infra.recorder import DIGEST, Declared, record
from tools.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
MONITORING = ("prometheus", "alertmanager", "kube-state-metrics", "node-exporter", "collector")
SCALING = "prometheus-adapter"
VERSIONS = {tool.name: tool.version for tool in CATALOGUE if tool.name in MONITORING}
WRAPPED = ("contour", "envoy", "prometheus", "alertmanager", "kube-state-metrics", "node-exporter", "collector")
ACCESS = ClusterAccess(provider=None, registry="registry", builder="builder", entry="http://127.0.0.1")  # pyright: ignore[reportArgumentType]  # images need no provider
EMBEDDED = settings.EmbeddedCluster(kind="embedded")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout in which `make images` ran."""
    for name in (*WRAPPED, SCALING):
        layout = tmp_path / ".state" / "contexts" / name
        layout.mkdir(parents=True)
        (layout / "index.json").write_text(json.dumps({"manifests": [{"digest": f"sha256:{name}"}]}))
    return tmp_path


def _declare(
    cluster: settings.Cluster, root: Path, *, scaled: bool = False
) -> tuple[list[Declared], images.PlatformImages]:
    made = list[images.PlatformImages]()
    declared = record(lambda: made.append(images.platform_images(cluster, ACCESS, root=root, scaled=scaled)))
    return [each for each in declared if each.type == "docker-build:index:Image"], made[0]


def test_the_embedded_cluster_builds_each_from_a_layout(root: Path) -> None:
    """A tool is named by its digest, so that it is not read at a preview, and no context holds a big file."""
    declared, platform = _declare(EMBEDDED, root)
    assert {each.name for each in declared} == {"base", *WRAPPED}
    for image in (each for each in declared if each.name != "base"):
        context = image.inputs["context"]
        assert context["location"] == str(root / "local" / "images" / image.name)
        layout = root / ".state" / "contexts" / image.name
        assert context["named"] == {"binary": {"location": f"oci-layout://{layout}@sha256:{image.name}"}}
    (envoy,) = (each for each in declared if each.name == "envoy")
    assert envoy.inputs["buildArgs"] == {"BASE_IMAGE": f"registry/base@{DIGEST}"}
    assert platform.grafana is None
    assert platform.prometheus_adapter is None


def test_what_scales_is_built_where_something_is_scaled(root: Path) -> None:
    """A stack that scales nothing builds nothing more."""
    declared, platform = _declare(EMBEDDED, root, scaled=True)
    assert {each.name for each in declared} == {"base", *WRAPPED, SCALING}
    assert platform.prometheus_adapter is not None


@pytest.mark.parametrize("content", [None, "", "{}", '{"manifests": []}'])
def test_what_is_not_prepared_is_told(root: Path, content: str | None) -> None:
    """A layout that is missing or broken is one sentence with what to do."""
    index = root / ".state" / "contexts" / "collector" / "index.json"
    index.unlink() if content is None else index.write_text(content)
    with pytest.raises(
        settings.SettingsError, match=r"contexts/collector, .* is not there\. Make it with: make images"
    ):
        images.platform_images(EMBEDDED, ACCESS, root=root, scaled=False)


def test_another_cluster_pulls_what_it_names(tmp_path: Path) -> None:
    """Each image is the one of its key in the stack file, and nothing is built."""
    named = {key: f"registry.example/{key}@{DIGEST}" for key in settings.PlatformImages.model_fields}
    cluster = settings.ExistingCluster.model_validate(
        {"kind": "existing", "context": "kind", "images": {**named, "registry": "r"}}
    )
    declared, platform = _declare(cluster, tmp_path)
    assert declared == []
    assert vars(platform) == named


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_clouds_run_the_versions_that_local_builds(stack: str) -> None:
    """What is tried here is what runs there."""
    cluster = settings.read(stack, ROOT).cluster
    assert isinstance(cluster, settings.EksCluster)
    images = cluster.images.model_dump()
    pinned = {name: parse(images[name.replace("-", "_")]) for name in MONITORING}
    assert {name: image.tag.removeprefix("v") for name, image in pinned.items() if image} == VERSIONS


def test_the_document_has_the_versions() -> None:
    """docs/monitoring-images.md says of each component which version is built."""
    rows = (ROOT / "docs" / "monitoring-images.md").read_text().splitlines()
    built = [row.split("|")[2].strip() for row in rows if "| built |" in row]
    versions = {tool.name: tool.version for tool in CATALOGUE}
    assert built == [versions[name] for name in (*MONITORING, SCALING)]
