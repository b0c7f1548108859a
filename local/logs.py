"""What the log of a program says about its end."""

import os
import re
from pathlib import Path

_TAIL_BYTES, _LINE_CHARACTERS = 20_000, 400
_FAILURE = re.compile(r"\b(panic|fatal|error|err|failed|unable|refused|cannot|invalid)\b", re.IGNORECASE)


def last_words(log: Path) -> str:
    """Return the line of a log that most likely says why its program ended: the last that speaks of a failure.

    The last line where none does; empty if there is no log.
    """
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    failures = [line for line in lines if _FAILURE.search(line)]
    return (failures or lines or [""])[-1][:_LINE_CHARACTERS]
