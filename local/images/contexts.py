"""What the local images add to their Dockerfiles, in ``.state/contexts/<image>/``.

Of `base` that is a plain build context. Of the others it is an OCI layout, which no preview has to read:
see :mod:`local.images.layout`.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from local.images import layout, rootfs
from local.images.errors import PrepareError
from local.images.files import digest, same_text
from tools.catalogue import CERTIFICATES

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCES = Path(__file__).parent
_CHECKOUT = SOURCES.parent.parent
CONTEXTS = _CHECKOUT / ".state" / "contexts"
TOOLS = _CHECKOUT / ".tools" / "bin"

BINARIES = (
    "contour",
    "envoy",
    "prometheus",
    "alertmanager",
    "kube-state-metrics",
    "node-exporter",
    "collector",
    "prometheus-adapter",
)
"""The images that add one built tool, each named after it."""
_CALL_THE_WORLD = ("alertmanager", "collector")
"""Those that speak TLS with servers which a public authority vouches for; the machine's own authorities do."""


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
    """Wrap one built tool as an image of one layer, unless it is the tool that is wrapped there."""
    tool = TOOLS / name
    if not tool.is_file():
        raise PrepareError(f"{tool} is missing; run `make tools`")
    files = {f"/bin/{name}": tool.resolve()}
    if name in _CALL_THE_WORLD:
        files[CERTIFICATES[0]] = _certificates()
    if layout.is_made_of(CONTEXTS / name, files):
        say(f"{name}: there already")
        return
    layout.make(CONTEXTS / name, files)
    say(f"{name}: {tool.stat().st_size / 1e6:.0f} MB")


def _certificates() -> Path:
    found = next((Path(file).resolve() for file in CERTIFICATES if Path(file).is_file()), None)
    if found is None:
        raise PrepareError(f"none of {', '.join(CERTIFICATES)} is here; run `make tools`")
    return found


def _context(name: str) -> Path:
    context = CONTEXTS / name
    try:
        context.mkdir(parents=True, exist_ok=True)
        same_text(context / "Dockerfile", SOURCES / name / "Dockerfile")
    except OSError as error:
        raise PrepareError(f"{context} cannot be written: {error.strerror}") from None
    return context


PREPARERS: dict[str, Callable[[Callable[[str], None]], None]] = {
    "base": prepare_base,
    **{name: partial(prepare_binary, name) for name in BINARIES},
}
