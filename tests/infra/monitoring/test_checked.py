"""What Prometheus's own program says of the configuration."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from infra import settings
from infra.kubernetes.monitoring import discovery
from tests.infra.stacks import ON_AWS, ROOT
from tools.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tools


@pytest.mark.parametrize("stack", ["local", *ON_AWS])
def test_the_configuration_is_one(tmp_path: Path, stack: str) -> None:
    """Promtool knows every key of each stack's configuration, and takes every value."""
    configuration = tmp_path / "prometheus.yaml"
    text = yaml.safe_dump(discovery.configuration(settings.read(stack, ROOT), environment=stack))
    configuration.write_text(text, encoding="utf-8")
    answer = subprocess.run(
        # The files that it names are in the pod.
        ["promtool", "check", "config", "--syntax-only", configuration],
        env=os.environ | environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
