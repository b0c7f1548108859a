"""Config maps change in place, and who reads one at its start alone is started anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra import cluster, naming
from infra.kubernetes.monitoring import prometheus
from infra.settings import EmbeddedCluster, Pool, Settings
from tests.infra import stacks
from tests.infra.recorder import record
from tests.infra.samples import MONITORING

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER = "pulumi:providers:kubernetes"
LOCAL = Settings(
    cluster=EmbeddedCluster(kind="embedded"),
    monitoring=MONITORING,
    pools=(Pool(name="gpu", variant="cpu"),),
    services=(),
)


def _updates_config_maps(inputs: dict[str, Any]) -> bool:
    return json.loads(str(inputs["enableConfigMapMutable"]).lower())


def test_pulumi_updates_a_config_map_of_a_cluster_that_is_there(tmp_path: Path) -> None:
    """Else it makes it anew, and all that mounts it: a changed objective would cost Prometheus its memory."""
    description = tmp_path / ".state" / "cluster" / "cluster.json"
    description.parent.mkdir(parents=True)
    known = dict.fromkeys(("context", "kubeconfig", "registry", "builder"), "any")
    description.write_text(json.dumps(known), encoding="utf-8")
    declared = record(lambda: cluster.connect(LOCAL, root=tmp_path) and None)
    assert [_updates_config_maps(each.inputs) for each in declared if each.type == PROVIDER] == [True]


def test_pulumi_updates_a_config_map_on_eks() -> None:
    """Likewise."""
    declared = stacks.declare("prod")
    assert [_updates_config_maps(each.inputs) for each in declared if each.type == PROVIDER] == [True]


def test_who_reads_a_config_map_once_is_started_anew_when_it_changes() -> None:
    """The pods carry what was configured as an annotation. Prometheus looks for changes by itself."""
    silent = set[str]()
    for each in stacks.declare("prod"):
        inputs: Any = each.inputs if each.type.startswith("kubernetes:") else {}
        pod = inputs.get("spec", {}).get("template", {})
        mounted = [volume for volume in pod.get("spec", {}).get("volumes", ()) if "configMap" in str(volume)]
        annotations: Any = pod["metadata"].get("annotations", {}) if mounted else {}
        if mounted and f"{naming.DOMAIN}/configuration" not in annotations:
            silent.add(each.name)
    assert silent == {prometheus.NAME}
