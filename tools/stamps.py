"""Stamps: what was made by which recipe, so that the next run need not make it again."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.layout import Layout
from tools.lockfile import requirement
from tools.model import GoBuild, PyPIPackage, Tool


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """The record of one made tool."""

    recipe: str
    """The recipe's SHA-256."""
    files: dict[str, int]
    """What was made: paths under `.tools` with their sizes in bytes."""
    seconds: float
    """How long it took."""


def recipe_hash(tool: Tool, layout: Layout) -> str:
    """Return the SHA-256 of all that a tool is made from: its catalogue line, its Go module's files, its hashes."""
    digest = hashlib.sha256()
    # What may be taken from PATH instead, and how long it takes, changes nothing in what is made.
    made = dataclasses.replace(tool, accept=None, group="", seconds=0)
    digest.update(json.dumps(dataclasses.asdict(made), sort_keys=True).encode())
    if isinstance(tool.source, GoBuild):
        folder = layout.modules / (tool.source.module or tool.name)
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("_test.go")):
            content = file.read_bytes()
            digest.update(f"\n{file.relative_to(folder)} {len(content)}\n".encode())
            digest.update(content)
    if isinstance(tool.source, PyPIPackage):
        digest.update(requirement(layout.requirements, tool.source.package).encode())
    return digest.hexdigest()


def read(tool: Tool, layout: Layout) -> Stamp | None:
    """Return a tool's stamp if it is of the present recipe and all its files are there in full."""
    stamp = _recorded(tool, layout)
    if not stamp or stamp.recipe != recipe_hash(tool, layout):
        return None
    return stamp if _sizes(layout, stamp.files) == stamp.files else None


def write(tool: Tool, layout: Layout, *, files: list[Path], seconds: float) -> None:
    """Record a tool as made, when everything is in place, and remove what only its previous version had."""
    before = _recorded(tool, layout)
    names = [str(file.relative_to(layout.root)) for file in files]
    stamp = Stamp(recipe=recipe_hash(tool, layout), files=_sizes(layout, names), seconds=round(seconds, 1))
    target = _path(tool, layout)
    target.parent.mkdir(parents=True, exist_ok=True)
    replacement = target.with_suffix(f".{os.getpid()}")
    replacement.write_text(json.dumps(dataclasses.asdict(stamp), indent=1) + "\n")
    replacement.replace(target)
    _delete(layout, set(before.files if before else ()) - set(names))


def remove(tool: Tool, layout: Layout) -> None:
    """Remove what was made of a tool, and its stamp; nothing happens if there is none."""
    stamp = _recorded(tool, layout)
    if stamp:
        _delete(layout, stamp.files)
        _path(tool, layout).unlink()


def _recorded(tool: Tool, layout: Layout) -> Stamp | None:
    try:
        return Stamp(**json.loads(_path(tool, layout).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _delete(layout: Layout, names: Iterable[str]) -> None:
    for name in names:
        (layout.root / name).unlink(missing_ok=True)


def _path(tool: Tool, layout: Layout) -> Path:
    return layout.stamps / f"{tool.name}.json"


def _sizes(layout: Layout, names: Iterable[str]) -> dict[str, int]:
    files = {name: layout.root / name for name in names}
    return {name: file.stat().st_size for name, file in files.items() if file.is_file()}
