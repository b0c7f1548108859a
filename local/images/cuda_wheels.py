"""The wheels of the image's variant cuda-trt, real or with stubs in place of what is NVIDIA's, under ``.state/wheels``.

TensorRT's library wheel is an external input: no registry holds it, so a person puts it into ``EXTERNAL`` and pins its
hash in ``requirements/tensorrt.txt``.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from local.images import links, wheels
from local.images.errors import PrepareError
from local.images.files import same_file
from local.images.stub_wheels import write_stub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_REQUIREMENTS = wheels.LOCKS["serving"].parent
SERVING, INSTALLER, TENSORRT = (_REQUIREMENTS / f"{name}.txt" for name in ("serving-cuda", "installer", "tensorrt"))
CUDA = wheels.WHEELS.with_name("serving-cuda")
STUB = wheels.WHEELS.with_name("serving-cuda-stub")
EXTERNAL = wheels.WHEELS.with_name("external")

_ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s\\]+)(?:.*\n)(?:[ \t].*\n)*", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Entry(NamedTuple):
    """One package of a lock, with its own lines."""

    name: str
    version: str
    text: str


def entries(lock: str) -> Iterator[Entry]:
    """Split a lock into its packages."""
    for match in _ENTRY.finditer(lock):
        yield Entry(match["name"], match["version"], match[0])


def prepare_cuda_wheels(say: Callable[[str], None]) -> None:
    """Download what the lock names and add TensorRT's wheel, unless that is what is there.

    Raises:
        PrepareError: a wheel cannot be had or has another hash, or the versions do not fit together.
    """
    parts = wheels.read_locks([SERVING, INSTALLER, TENSORRT])
    external = [_external(entry) for entry in entries(TENSORRT.read_text())]

    def fill(new: Path) -> None:
        for wheel in external:
            same_file(new / wheel.name, wheel)
        _fill(new, SERVING, pinned=TENSORRT.read_text(), log=CUDA.with_suffix(".log"), say=say)

    task = "downloading what requirements/serving-cuda.txt names (about 2 GB)"
    wheels.fill_once(CUDA, parts, fill, say=say, name="wheels-cuda", task=task)


def prepare_cuda_stub(say: Callable[[str], None]) -> None:
    """As ``prepare_cuda_wheels``, with empty wheels for TensorRT and CUDA: the image builds and starts, and no more.

    Raises:
        PrepareError: a wheel cannot be had, or the versions do not fit together.
    """
    parts = wheels.read_locks([SERVING, INSTALLER, TENSORRT])
    packages = list(entries(SERVING.read_text()))
    stubbed = [entry for entry in packages if _is_library(entry.name)] + list(entries(TENSORRT.read_text()))

    def fill(new: Path) -> None:
        pinned = ""
        for entry in stubbed:
            wheel = write_stub(new, name=entry.name, version=entry.version)
            pinned += f"{entry.name}=={entry.version} --hash=sha256:{_hash(wheel)}\n"
        real = new / "real.txt"
        real.write_text("".join(entry.text for entry in packages if not _is_library(entry.name)))
        _fill(new, real, pinned=pinned, log=STUB.with_suffix(".log"), say=say)
        real.unlink()

    task = "downloading onnxruntime-gpu and what is not NVIDIA's (about 300 MB)"
    wheels.fill_once(STUB, parts, fill, say=say, name="wheels-cuda-stub", task=task)
    say(f"wheels-cuda-stub: empty, and nothing can be run with them: {', '.join(entry.name for entry in stubbed)}")


def _fill(new: Path, lock: Path, *, pinned: str, log: Path, say: Callable[[str], None]) -> None:
    """Download a lock, and write the whole of what is to be installed as the image's build expects it."""
    for source in (lock, INSTALLER):
        wheels.download(source, new, log=log)
    [runtime] = new.glob("onnxruntime_gpu-*.whl")
    whole = lock.read_text() + pinned
    for line in links.check(runtime, whole, source="requirements/"):
        say(f"  {line}")
    (new / "serving.txt").write_text(whole)
    (new / "installer.txt").write_bytes(INSTALLER.read_bytes())


def _is_library(name: str) -> bool:
    """Whether a package holds NVIDIA's libraries; the bindings of its management library hold none."""
    return name.startswith("nvidia-") and name != "nvidia-ml-py"


def _external(entry: Entry) -> Path:
    found = sorted(EXTERNAL.glob(f"{entry.name.replace('-', '_')}-{entry.version}-*.whl"))
    if not found:
        raise PrepareError(
            f"{EXTERNAL} has no wheel of {entry.name} {entry.version}, which no registry holds; "
            f"requirements/{TENSORRT.name} says how to get it"
        )
    actual, pinned = _hash(found[-1]), _HASH.findall(entry.text)
    if not pinned:
        raise PrepareError(
            f"requirements/{TENSORRT.name} pins no hash of {entry.name}; if {found[-1]} is the vendor's file, "
            f"make its line: {entry.name}=={entry.version} --hash=sha256:{actual}"
        )
    if actual not in pinned:
        raise PrepareError(f"{found[-1]}: SHA-256 is {actual}, requirements/{TENSORRT.name} says {pinned[0]}")
    return found[-1]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
