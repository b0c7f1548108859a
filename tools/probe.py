"""Looks for programs on PATH and asks them for their version, once per file."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.layout import Layout
from tools.versions import version_in

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Searched after PATH: Debian's daemons lie there, and not every account's PATH names them."""

_PATIENCE = 30.0  # seconds that a program may take to print its version


class Probe:
    """Finds programs outside `.tools`, and remembers their versions until the file changes."""

    def __init__(self, layout: Layout) -> None:
        self._cache = layout.stamps / "versions.json"
        self._own = layout.root
        try:
            self._known: dict[str, str | None] = json.loads(self._cache.read_text())
        except (OSError, ValueError):
            self._known = {}

    def find(self, program: str, folders: Sequence[str] = ()) -> Path | None:
        """Return where a program lies on PATH (or in `folders`, if there are any), but not in `.tools`."""
        searched = folders or (*os.environ.get("PATH", "").split(os.pathsep), *SYSTEM_FOLDERS)
        own = self._own.resolve()
        path = os.pathsep.join(
            folder for folder in searched if folder and not Path(folder).resolve().is_relative_to(own)
        )
        found = shutil.which(program, path=path)
        return Path(found).absolute() if found else None

    def version(self, program: Path, arguments: Sequence[str]) -> str | None:
        """Return the version that a program prints, or None if it prints none."""
        status = program.stat()
        key = f"{program}:{status.st_size}:{status.st_mtime_ns}:{' '.join(arguments)}"
        if key not in self._known:
            self._known[key] = _ask(program, arguments)
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            replacement = self._cache.with_suffix(f".{os.getpid()}")
            replacement.write_text(json.dumps(self._known, indent=1))
            replacement.replace(self._cache)
        return self._known[key]


def _ask(program: Path, arguments: Sequence[str]) -> str | None:
    try:
        answer = subprocess.run(
            [str(program), *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return version_in(answer.stdout) or version_in(answer.stderr)
