"""The commands of the runbooks of alerts, typed on the embedded cluster: they only look."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from local.paths import Paths
from local.stack import LocalStack
from tests.docs import blocks, runbooks
from tests.local.conftest import CHECKOUT
from tools.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.conftest import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def typed_in(cluster: RunningCluster) -> dict[str, str]:
    """The environment in which commands find the cluster, on which the stack is."""
    assert LocalStack(Paths.of_this_checkout()).update("up", ["--skip-preview", "--suppress-outputs"]) == 0
    return {**os.environ, **environment(), "KUBECONFIG": str(cluster.kubeconfig)}


@pytest.mark.parametrize("document", runbooks.of_alerts(), ids=lambda path: path.stem)
def test_the_first_look(document: Path, typed_in: dict[str, str]) -> None:
    """Each command ends well where all is well."""
    script = blocks.script(blocks.read(document), CHECKOUT)
    answer = subprocess.run(
        ["bash", "-c", script], cwd=CHECKOUT, env=typed_in, capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr[-4000:]
    assert "== end" in answer.stderr
