"""What a model version is, for those who only read it: manifests, receipts and the catalogue.

Imports hashlib and pydantic at most, so that the program and its tests load it in milliseconds.
"""

from model_build.manifest.catalogue import (
    CATALOGUE,
    COMMITTED_FIRST,
    LOCAL_FIRST,
    LOCAL_RECEIPTS,
    CatalogueEntry,
    CatalogueError,
    Origin,
    find_entry,
    find_receipt,
    list_entries,
)
from model_build.manifest.files import MANIFEST, FileEntry, Manifest, ManifestError, create, digest, read, verify
from model_build.manifest.receipt import (
    Environment,
    GoldenExample,
    GoldenSet,
    Parity,
    Quality,
    Receipt,
    ReceiptError,
    read_receipt,
)

__all__ = [
    "CATALOGUE",
    "COMMITTED_FIRST",
    "LOCAL_FIRST",
    "LOCAL_RECEIPTS",
    "MANIFEST",
    "CatalogueEntry",
    "CatalogueError",
    "Environment",
    "FileEntry",
    "GoldenExample",
    "GoldenSet",
    "Manifest",
    "ManifestError",
    "Origin",
    "Parity",
    "Quality",
    "Receipt",
    "ReceiptError",
    "create",
    "digest",
    "find_entry",
    "find_receipt",
    "list_entries",
    "read",
    "read_receipt",
    "verify",
]
