"""Whether a version that is already built is what a build would give. Imports nothing heavy."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from model_build import manifest

if TYPE_CHECKING:
    from model_build.manifest import Receipt
    from model_build.places import Places

_PACKAGE = Path(__file__).parent
_LOCK = _PACKAGE.parent / "requirements" / "model-build.txt"
# They show results or find them, and take no part in making them.
_NO_INFLUENCE = frozenset({"__main__.py", "cli.py", "progress.py", "manifest/catalogue.py"})


def build_key(spec_sha256: str) -> str:
    """Hash what decides a build's result on one machine: the spec, this package's code, the locked libraries.

    Code counts as its syntax tree: another comment or layout is no reason to train again.
    """
    key = hashlib.sha256(spec_sha256.encode())
    key.update(_LOCK.read_bytes())
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE).as_posix()
        if name not in _NO_INFLUENCE:
            key.update(f"{name}\n{ast.dump(ast.parse(path.read_bytes()))}\n".encode())
    return key.hexdigest()


def find_fresh(places: Places, *, key: str) -> Receipt | None:
    """Return the receipt of the local build if it has this key and every file of the model is as it says."""
    try:
        receipt = manifest.read_receipt(places.receipt)
        fresh = receipt.build_key == key and manifest.verify(places.model) == receipt.model_digest
    except (manifest.ReceiptError, manifest.ManifestError):
        return None
    return receipt if fresh else None
