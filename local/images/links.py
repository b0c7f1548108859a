"""Which shared libraries ONNX Runtime's GPU providers link, and whether a lock pins packages of those very versions.

The loader would find that out on a GPU node, as a provider that cannot be had and a silent fall back to the CPU.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any, cast

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

from local.images.errors import PrepareError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROVIDERS = ("libonnxruntime_providers_tensorrt.so", "libonnxruntime_providers_cuda.so")
# The package that brings a library; the library's version is the first number of the package's.
PACKAGES = {
    "libnvinfer": "tensorrt-cu13-libs",
    "libnvonnxparser": "tensorrt-cu13-libs",
    "libcudart": "nvidia-cuda-runtime",
    "libcublas": "nvidia-cublas",
    "libcublasLt": "nvidia-cublas",
    "libcudnn": "nvidia-cudnn-cu13",
    "libcurand": "nvidia-curand",
}
_LIBRARY = re.compile(r"(?P<name>\w+)\.so\.(?P<version>\d+)")
_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s\\]+)", re.MULTILINE)


def needed(wheel: Path) -> dict[str, list[str]]:
    """Read what the provider libraries of an onnxruntime-gpu wheel link: DT_NEEDED of their ELF headers.

    Raises:
        PrepareError: the file is no such wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {name: list(_needed(io.BytesIO(archive.read(f"onnxruntime/capi/{name}")))) for name in PROVIDERS}
    except (OSError, KeyError, zipfile.BadZipFile, ELFError) as error:
        raise PrepareError(f"{wheel} is no wheel of onnxruntime-gpu for Linux: {error}") from None


def check(wheel: Path, lock: str, *, source: str) -> list[str]:
    """Compare what an onnxruntime-gpu wheel links with what a lock pins.

    Args:
        wheel: the wheel.
        lock: text of the lock.
        source: how the lock is called in the answer.

    Returns:
        For people: each library and the package that brings it.

    Raises:
        PrepareError: a package is not pinned, or in another major version than is linked.
    """
    pins = {match["name"]: match["version"] for match in _PIN.finditer(lock)}
    found: list[str] = []
    for provider, libraries in needed(wheel).items():
        for library in libraries:
            match = _LIBRARY.fullmatch(library)
            package = PACKAGES.get(match["name"]) if match else None
            if match is None or package is None:
                continue  # the C library's, or the driver's
            pinned = pins.get(package)
            if pinned is None or pinned.split(".", maxsplit=1)[0] != match["version"]:
                has = "does not pin it" if pinned is None else f"pins {pinned}"
                raise PrepareError(
                    f"{provider} links {library} of {package}, and {source} {has}; allowed: {match['version']}.x"
                )
            found.append(f"{library}: {package} {pinned}")
    return sorted(set(found))


def _needed(file: io.BytesIO) -> Iterator[str]:
    for section in cast("Any", ELFFile)(file).iter_sections():
        if isinstance(section, DynamicSection):
            yield from (tag.needed for tag in cast("Any", section).iter_tags("DT_NEEDED"))
