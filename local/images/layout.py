"""Images of a few files as OCI layouts: folders that name what they hold by its hash.

A build takes such a folder as a named context, ``oci-layout://<folder>@<digest>``. The digest says all, so the image's
provider need not read the files at each preview; of a plain folder it hashes every byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

from local.images.files import digest, replaced_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
# Not compressed: it never leaves this machine, and half a gigabyte would have to be compressed and unpacked.
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_EXECUTABLE, _READABLE = 0o755, 0o644


def is_made_of(layout: Path, files: Mapping[str, Path]) -> bool:
    """Whether ``layout`` was made of these very files: told by their sizes and dates, without reading them."""
    mark = _mark(layout)
    return (layout / "index.json").exists() and mark.exists() and mark.read_text() == _recipe(files)


def make(layout: Path, files: Mapping[str, Path]) -> None:
    """Make an image of one layer with these files, owned by root, executable by all if they are here.

    Args:
        layout: folder that is replaced whole, or left as it was.
        files: the files by their absolute paths in the image.

    Raises:
        OSError: a file cannot be read, or the folder not written.
    """
    _mark(layout).unlink(missing_ok=True)
    with replaced_folder(layout) as new:
        blobs = new / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        layer = _layer(blobs, files)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _blob(blobs, config, _CONFIG),
            "layers": [layer],
        }
        index = {"schemaVersion": 2, "manifests": [_blob(blobs, manifest, _MANIFEST)]}
        (new / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
        (new / "index.json").write_text(json.dumps(index))
    _mark(layout).write_text(_recipe(files))


def _layer(blobs: Path, files: Mapping[str, Path]) -> dict[str, Any]:
    """Write the layer; its bytes depend on the files' paths and contents alone."""
    new = blobs / "layer"
    with tarfile.open(new, "w") as tar:
        for path, source in sorted(files.items()):
            entry = tarfile.TarInfo(path.removeprefix("/"))
            entry.size, entry.mode = source.stat().st_size, _EXECUTABLE if os.access(source, os.X_OK) else _READABLE
            with source.open("rb") as content:
                tar.addfile(entry, content)
    with new.open("rb") as content:
        name = hashlib.file_digest(content, "sha256").hexdigest()
    new.rename(blobs / name)
    return {"mediaType": _LAYER, "digest": f"sha256:{name}", "size": (blobs / name).stat().st_size}


def _blob(blobs: Path, document: dict[str, Any], kind: str) -> dict[str, Any]:
    content = json.dumps(document).encode()
    name = hashlib.sha256(content).hexdigest()
    (blobs / name).write_bytes(content)
    return {"mediaType": kind, "digest": f"sha256:{name}", "size": len(content)}


def _mark(layout: Path) -> Path:
    """Beside the layout, not in it: it says what the layout was made of."""
    return layout.with_suffix(".recipe")


def _recipe(files: Mapping[str, Path]) -> str:
    known = {path: (source.stat().st_size, source.stat().st_mtime_ns) for path, source in sorted(files.items())}
    return digest(json.dumps(known).encode())
