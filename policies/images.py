"""Images, as container references and as builds: what the rules about them share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.rule import Resource

_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


def is_image_build(resource: Resource) -> bool:
    """Whether the resource is an image that Pulumi builds."""
    return resource.type == "docker-build:index:Image"


def is_pinned(reference: object) -> bool:
    """Whether an image reference ends in a SHA-256 digest."""
    return isinstance(reference, str) and _PINNED.fullmatch(reference) is not None
