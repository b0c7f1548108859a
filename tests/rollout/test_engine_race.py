"""What the command does when the engine fails by chance. A script stands in for an engine that does so on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.engine import Engine
from rollout.errors import RolloutError
from rollout.place import Place

if TYPE_CHECKING:
    from pathlib import Path

_DUPLICATE = "error: Duplicate resource URN 'urn:pulumi:test::p::t::x'; try giving it a unique name"
_PULUMI = f"""\
#!/bin/sh
case "$1" in
up)
  echo once >> "$TRIES"
  [ "$(wc -l < "$TRIES")" -gt "$FAILURES" ] || {{ echo "{_DUPLICATE}" >&2; exit 255; }} ;;
stack)
  case "$2" in
  history) echo '[{{"kind": "update", "startTime": "2026-01-01T00:00:00.000Z", "message": "", "environment": {{}},
    "config": {{}}, "result": "succeeded", "version": 1, "endTime": "2026-01-01T00:00:00.000Z"}}]' ;;
  *) echo '{{}}' ;;
  esac ;;
esac
"""


def _engine(folder: Path, *, failures: int) -> tuple[Engine, Path, list[str]]:
    (folder / "bin").mkdir()
    script = folder / "bin" / "pulumi"
    script.write_text(_PULUMI, encoding="utf-8")
    script.chmod(0o755)
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n", encoding="utf-8")
    tries, said = folder / "tries", list[str]()
    variables = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "TRIES": str(tries), "FAILURES": str(failures)}
    place = Place(stack="test", service="alpha", project=folder, environment=variables)
    return Engine(place, run="r", say=said.append), tries, said


def test_an_update_that_the_engine_refuses_by_chance_is_tried_again(tmp_path: Path) -> None:
    """A resource that counts as registered twice in an aimed update is a race of the engine (pulumi/pulumi#24303)."""
    engine, tries, said = _engine(tmp_path, failures=2)
    engine.up("config: {}\n", rules=False, targets=["urn:pulumi:test::p::t::y"], message="back")
    assert tries.read_text().split() == ["once"] * 3
    assert sum("once more" in line for line in said) == 2


def test_what_fails_each_time_is_no_chance(tmp_path: Path) -> None:
    """A program that really declares something twice is told so, after some tries."""
    engine, tries, _ = _engine(tmp_path, failures=100)
    with pytest.raises(RolloutError, match="Duplicate resource URN"):
        engine.up("config: {}\n", rules=False, targets=["urn:pulumi:test::p::t::y"], message="back")
    assert tries.read_text().split() == ["once"] * 4
