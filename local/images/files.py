"""Files that are there whole or not at all, and are made again only when their recipe changed."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.images.errors import PrepareError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


def digest(*parts: bytes) -> str:
    """Name a recipe by everything that it is made of."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@contextmanager
def replaced_folder(folder: Path) -> Generator[Path]:
    """Give an empty folder that takes the place of ``folder`` when the block ends well, and vanishes when not."""
    new = folder.with_name(f".{folder.name}.new.{os.getpid()}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        old = folder.with_name(f".{folder.name}.old.{os.getpid()}")
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def same_file(link: Path, source: Path) -> None:
    """Make ``link`` the same file as ``source``: a hard link, or a copy where the file systems differ.

    Raises:
        PrepareError: there is no such source.
    """
    if not source.is_file():
        raise PrepareError(f"{source} is missing; run `make tools`")
    source = source.resolve()
    if link.exists() and (link.samefile(source) or _unchanged(link, source)):
        return
    new = link.with_name(f".{link.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        os.link(source, new)
    except OSError:
        shutil.copy2(source, new)
    new.replace(link)


def same_text(path: Path, source: Path) -> None:
    """Copy a small file if its contents differ, so that an unchanged one keeps its date."""
    content = source.read_bytes()
    if not path.exists() or path.read_bytes() != content:
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_bytes(content)
        new.replace(path)


def _unchanged(copy: Path, source: Path) -> bool:
    there, wanted = copy.stat(), source.stat()
    return (there.st_size, there.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns)
