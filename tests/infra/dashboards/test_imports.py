from __future__ import annotations

import subprocess
import sys

from tests.infra.dashboards.boards import ROOT

_PROGRAM = """
import sys
from pathlib import Path
from infra import settings
from infra.dashboards import dashboards
assert not [name for name in sys.modules if name.startswith("grafana_foundation_sdk")]
dashboards(settings.read("prod", Path.cwd()))
print(*sys.modules)
"""


def test_an_update_waits_for_nothing_but_what_it_renders_with() -> None:
    """Rendering loads Grafana's models once it is asked to, and none of what costs more than they do."""
    answer = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    loaded = set(answer.stdout.split())
    assert "grafana_foundation_sdk.models.dashboard" in loaded
    heavy = {"grafana_foundation_sdk.models.dashboardv2", "pulumi", "matplotlib", "httpx"}
    assert loaded & heavy == set()
