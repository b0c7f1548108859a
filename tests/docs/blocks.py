"""The blocks of a Markdown document: commands, queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FENCE = "```"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines that belong together, of one language.

    Attributes:
        document: where they stand.
        line: number of the first of them.
        commands: the text.
    """

    document: Path
    line: int
    commands: str


def read(document: Path, language: str = "bash") -> list[Block]:
    """Every block marked with a language, in order.

    Raises:
        ValueError: a block has no end.
    """
    found = list[Block]()
    begin: int | None = None
    marked, lines = "", list[str]()
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        if begin is not None and line.strip() == _FENCE:
            if marked == language:
                found.append(Block(document=document, line=begin, commands="\n".join(lines)))
            begin = None
        elif begin is not None:
            lines.append(line)
        elif line.startswith(_FENCE):
            begin, marked, lines = number + 1, line.removeprefix(_FENCE).strip(), []
    if begin is not None:
        raise ValueError(f"{document}:{begin}: the block has no end")
    return found


def script(blocks: list[Block], root: Path, *, before_each: str = ":") -> str:
    """A script that runs blocks one after the other, says where each stands, and ends at the first that fails.

    Args:
        blocks: of one or more documents.
        root: what the places are relative to.
        before_each: commands to run before each block.
    """
    parts = ["set -euo pipefail"]
    for block in blocks:
        place = f"{block.document.relative_to(root)}:{block.line}"
        parts += [before_each, f"echo '== {place}' >&2", block.commands]
    return "\n".join([*parts, "echo '== end' >&2", ""])
