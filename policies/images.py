"""Images, as container references and as builds: what the rules about them share."""

from __future__ import annotations

import re

_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


def is_image_build(token: str) -> bool:
    """Whether resources of a type are images that Pulumi builds."""
    return token == "docker-build:index:Image"  # noqa: S105  a type token


def is_pinned(reference: object) -> bool:
    """Whether an image reference ends in a SHA-256 digest."""
    return isinstance(reference, str) and _PINNED.fullmatch(reference) is not None


def is_base_argument(name: str | None) -> bool:
    """Whether a build argument names the image that a build starts from; of an unknown name, no."""
    return name is not None and (name == "BASE_IMAGE" or name.endswith("_BASE_IMAGE"))
