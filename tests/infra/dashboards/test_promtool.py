from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from infra.dashboards.series import plain
from tests.infra.dashboards.boards import ROOT, STACKS, boards, queries

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.tools
@pytest.mark.parametrize("stack", STACKS)
def test_the_prometheus_of_the_stack_takes_every_query(stack: str, tmp_path: Path) -> None:
    """Promtool, of the release that the stacks run, parses each query of a panel as the expression of a rule."""
    exprs = [asked.expr for asked in queries(stack)]
    exprs += [plain(mark["expr"]) for board in boards(stack).values() for mark in board["annotations"]["list"]]
    rules = [{"record": f"panel:query:{index}", "expr": expr} for index, expr in enumerate(exprs)]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    answer = subprocess.run(
        [ROOT / ".tools" / "bin" / "promtool", "check", "rules", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    assert f"{len(exprs)} rules found" in answer.stdout
