"""`python -m policies` tells what the pack holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from policies.__main__ import RULES

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "policies", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_list_as_json_names_every_rule() -> None:
    """A program reads name, scope, enforcement, requirement and remedy of each rule."""
    rows = json.loads(_run("list", "--json"))
    assert [row["name"] for row in rows] == [rule.name for rule in RULES]
    assert {row["judges"] for row in rows} == {"resource", "stack"}
    assert all(row["requires"] and row["to_do"] and row["enforcement"] == "mandatory" for row in rows)


def test_list_is_a_table_for_people() -> None:
    """A person sees each rule by name."""
    table = _run("list")
    assert all(rule.name in table for rule in RULES)


def test_the_document_names_every_rule() -> None:
    """Who reads docs/rules.md learns of each rule what it is about."""
    named = re.findall(r"`([a-z]+(?:-[a-z*]+)*)`", (ROOT / "docs" / "rules.md").read_text(encoding="utf-8"))
    assert [rule.name for rule in RULES if not any(fnmatch(rule.name, pattern) for pattern in named)] == []
