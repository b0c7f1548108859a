"""The images that a stack file names, beside what their tags mean today."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infra.image_registries import PinnedImage, RegistryError, current_digest, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from infra.settings import PlatformImages


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An image, and what its registry says.

    Attributes:
        key: its key in the stack file.
        image: as the stack file has it.
        today: the digest that its tag leads to; the stack file's own as long as that is among them.
    """

    key: str
    image: PinnedImage
    today: str

    @property
    def outdated(self) -> bool:
        """Whether the tag leads elsewhere."""
        return self.today != self.image.digest

    def as_json(self) -> dict[str, str | bool]:
        """For programs."""
        digests = {"digest": self.image.digest, "today": self.today}
        return {"key": self.key, "image": self.image.tagged, **digests, "outdated": self.outdated}


def compare(images: PlatformImages) -> list[Comparison]:
    """Ask the registries of all images that have a tag beside their digest.

    Raises:
        RegistryError: one of them does not say, or no image has a tag.
    """
    references: dict[str, str] = images.model_dump(exclude_none=True)
    pinned = {key: image for key, value in references.items() if (image := parse(value)) is not None}
    if not pinned:
        raise RegistryError("no image has a tag beside its digest (repository:tag@sha256:…), so none can be asked for")
    with ThreadPoolExecutor(max_workers=len(pinned)) as asking:
        digests = asking.map(current_digest, pinned.values())
        return [
            Comparison(key=key, image=image, today=today)
            for (key, image), today in zip(pinned.items(), digests, strict=True)
        ]


def table(found: Sequence[Comparison]) -> str:
    """A line for each image."""
    width = max(len(each.key) for each in found)
    return "\n".join(
        f"{each.key:{width}}  {each.image.tagged}  {f'renew: {each.today}' if each.outdated else 'fine'}"
        for each in found
    )


def renew(file: Path, outdated: Sequence[Comparison]) -> None:
    """Write the digests of today into a stack file, and change nothing else of it."""
    text = file.read_text(encoding="utf-8")
    for each in outdated:
        text = text.replace(str(each.image), str(replace(each.image, digest=each.today)))
    file.write_text(text, encoding="utf-8")
