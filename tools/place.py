"""Puts finished files where they belong, each in one step, so that nobody ever sees half of one."""

import os
import shutil
from pathlib import Path


def move(origin: Path, target: Path) -> None:
    """Move a file to its place; both must be on the same file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    origin.replace(target)


def copy(origin: Path, target: Path, *, mode: int) -> None:
    """Copy a file to its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    try:
        shutil.copyfile(origin, temporary)
        temporary.chmod(mode)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def link(origin: Path, target: Path) -> None:
    """Make `target` a link to a program elsewhere, replacing what was there."""
    if target.is_symlink() and target.readlink() == origin:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(origin)
    temporary.replace(target)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")
