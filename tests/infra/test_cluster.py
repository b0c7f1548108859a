"""Reaching the cluster that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra import cluster
from infra.settings import EmbeddedCluster, Pool, Settings
from infra.settings.errors import SettingsError
from tests.infra.samples import MONITORING

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = Settings(
    cluster=EmbeddedCluster(kind="embedded"),
    monitoring=MONITORING,
    pools=(Pool(name="gpu", variant="cpu"),),
    services=(),
)


@pytest.mark.parametrize("content", [None, "{", "{}", '{"context": "inferstack-local"}'])
def test_an_embedded_cluster_that_does_not_run_is_answered_by_what_starts_it(
    tmp_path: Path, content: str | None
) -> None:
    """Without the cluster's description, or with a damaged one, the program says what to run."""
    description = tmp_path / ".state" / "cluster" / "cluster.json"
    description.parent.mkdir(parents=True)
    if content is not None:
        description.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"does not run on this machine\. Start it with: make cluster"):
        cluster.connect(LOCAL, root=tmp_path)
