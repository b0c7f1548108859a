"""Wheels that hold nothing, in place of libraries that cannot be had, or that only a GPU could use."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_DATE = (2026, 1, 1, 0, 0, 0)


def write_stub(folder: Path, *, name: str, version: str) -> Path:
    """Write a wheel of a package that installs and is empty; its bytes depend on name and version alone."""
    stem = f"{name.replace('-', '_')}-{version}"
    information = f"{stem}.dist-info"
    files = {
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        "Summary: A stub that holds nothing\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: inferstack\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{information}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{information}/RECORD"])
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, date_time=_DATE), text)
    return wheel
