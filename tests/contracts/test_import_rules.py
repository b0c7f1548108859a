"""Who may import whom: the contracts of pyproject.toml, and that they can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "infra",
    "model_build",
    "serving",
    "policies",
    "client",
    "rollout",
    "drill",
    "local",
    "rehearsal",
    "tools",
    "bench",
    "tests",
)
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)


def test_the_import_rules_hold() -> None:
    """Every contract is kept."""
    answer = _lint(ROOT)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("serving/offender.py", "import model_build.manifest"),
        ("policies/offender.py", "import infra.naming"),
        ("infra/offender.py", "import model_build.spec"),
        ("infra/bootstrap/offender.py", "import pulumi"),
        ("tools/offender.py", "import local.paths"),
        ("client/offender.py", "import infra.routing"),
        ("rollout/offender.py", "import infra.stack"),
        ("drill/offender.py", "import local.stack"),
        ("infra/offender.py", "import rollout"),
        ("model_build/manifest/offender.py", "import torch"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, module: str, statement: str) -> None:
    """An import that a contract forbids breaks it."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "go"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / module
    if not target.parent.is_dir():
        target = target.parent.with_suffix(".py")
    with target.open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    answer = _lint(tmp_path)
    assert answer.returncode == 1, answer.stdout
    assert "BROKEN" in answer.stdout
