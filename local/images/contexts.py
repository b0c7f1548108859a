"""Build contexts of the local images, in ``.state/contexts/<image>/``.

The image's provider hashes a whole context at each preview, so a context holds only what its Dockerfile adds.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from local.images import rootfs
from local.images.errors import PrepareError
from local.images.files import digest, same_file, same_text

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parent.parent
CONTEXTS = _CHECKOUT / ".state" / "contexts"
TOOLS = _CHECKOUT / ".tools" / "bin"


def prepare_base(say: Callable[[str], None]) -> None:
    """Build ``base/rootfs.tar`` unless the recipe is the one that built the tar that is there."""
    context = _context("base")
    tar = context / "rootfs.tar"
    # Beside the context, not in it: the mark is no part of the image.
    mark = CONTEXTS / "base.recipe"
    recipe = digest(Path(rootfs.__file__).read_bytes())
    if tar.exists() and mark.exists() and mark.read_text() == recipe:
        say("base: there already")
        return
    say("base: unpacking Debian packages with mmdebstrap (about 20 s)")
    started = time.monotonic()
    new = CONTEXTS / "base.new.tar"
    try:
        rootfs.build(new, log=CONTEXTS / "base.log")
        mark.unlink(missing_ok=True)
        new.replace(tar)
        mark.write_text(recipe)
    finally:
        new.unlink(missing_ok=True)
    say(f"base: {tar.stat().st_size / 1e6:.0f} MB in {time.monotonic() - started:.0f} s")


def prepare_binary(name: str, say: Callable[[str], None]) -> None:
    """Put one built tool beside its Dockerfile."""
    same_file(_context(name) / name, TOOLS / name)
    say(f"{name}: there")


def _context(name: str) -> Path:
    context = CONTEXTS / name
    try:
        context.mkdir(parents=True, exist_ok=True)
        same_text(context / "Dockerfile", _HERE / name / "Dockerfile")
    except OSError as error:
        raise PrepareError(f"{context} cannot be written: {error.strerror}") from None
    return context


BINARIES = (
    "contour",
    "envoy",
    "prometheus",
    "alertmanager",
    "kube-state-metrics",
    "node-exporter",
    "collector",
)
"""The images that add one built tool, each named after it."""

PREPARERS: dict[str, Callable[[Callable[[str], None]], None]] = {
    "base": prepare_base,
    **{name: partial(prepare_binary, name) for name in BINARIES},
}
