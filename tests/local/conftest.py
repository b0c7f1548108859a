"""The embedded cluster for the tests of this folder.

pytest takes the files by name: test_lifecycle.py, which starts and stops clusters of its own, comes before those that
share one.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.api import Api

CHECKOUT = Path(__file__).parents[2]
UP_SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class RunningCluster:
    """What cluster.json says of the cluster that runs."""

    kubeconfig: Path
    context: str
    registry: str
    builder: str
    node: str
    gpus: int
    pool: str
    gateway_port: int

    @property
    def api(self) -> Api:
        """A client with the administrator's identity."""
        return Api(self.kubeconfig)


def run_local(*arguments: str, timeout: float = UP_SECONDS) -> subprocess.CompletedProcess[str]:
    """Run `python -m local` to its end, as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        timeout=timeout,
    )


def read_cluster() -> RunningCluster:
    """Return the cluster that runs, from the file that the product reads too."""
    content: dict[str, Any] = json.loads((CHECKOUT / ".state/cluster/cluster.json").read_text())
    content["kubeconfig"] = Path(content["kubeconfig"])
    return RunningCluster(**content)


@pytest.fixture(scope="session")
def cluster() -> Iterator[RunningCluster]:
    """A cluster that is up. One that ran before stays; one that was started for the tests is removed after them."""
    was_up = run_local("status").returncode == 0
    started = run_local("up")
    assert started.returncode == 0, started.stderr
    yield read_cluster()
    if not was_up:
        stopped = run_local("down")
        assert stopped.returncode == 0, stopped.stderr
