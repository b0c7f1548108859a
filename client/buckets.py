"""The bucket of a user: what a release assigns versions by, and all that it learns of them."""

from __future__ import annotations

import hashlib
from typing import Final

BUCKET_HEADER: Final = "X-User-Bucket"
_BUCKETS: Final = 1000


def user_bucket(user: str) -> str:
    """Three digits, ``000`` to ``999``, that are always the same for a user.

    A thousand buckets tell no user of a service with many from another, so the bucket may be logged and counted.

    Args:
        user: any name that stays the same; it is hashed here and goes nowhere.
    """
    digest = hashlib.sha256(user.encode("utf-8")).digest()
    return f"{int.from_bytes(digest[:8], 'big') % _BUCKETS:03d}"
