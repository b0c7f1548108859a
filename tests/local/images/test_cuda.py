"""The wheels of the image's GPU variant: what is linked is what is pinned, and what cannot be had is by hash."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.images import cuda_wheels, links, wheels
from local.images.cuda_wheels import entries, prepare_cuda_stub, prepare_cuda_wheels
from local.images.errors import PrepareError
from local.images.stub_wheels import write_stub
from serving.accelerator import TENSORRT_LIBRARY
from serving.profile import Profile, Shape, tensorrt_options
from tests.serving.tiny import write_model

ROOT = Path(__file__).parents[3]
LOCK = cuda_wheels.SERVING.read_text() + cuda_wheels.TENSORRT.read_text()
HASHED = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def silent(_: str) -> None:
    """Say nothing."""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel whose provider libraries are some real library, which links libm.so.6."""
    library = importlib.util.find_spec("numpy._core._multiarray_umath")
    assert library is not None
    assert library.origin is not None
    file = tmp_path / "onnxruntime_gpu-1.31.1-cp311.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name in links.PROVIDERS:
            archive.write(library.origin, f"onnxruntime/capi/{name}")
    return file


def test_what_is_linked_is_what_is_pinned(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version in a library's name and the first number of its package's version are the same."""
    monkeypatch.setattr(links, "PACKAGES", {"libm": "mathematics"})
    assert all("libm.so.6" in libraries for libraries in links.needed(wheel).values())
    assert links.check(wheel, "mathematics==6.0.1 \\\n", source="the lock") == ["libm.so.6: mathematics 6.0.1"]
    with pytest.raises(PrepareError) as caught:
        links.check(wheel, "mathematics==60.1\n", source="the lock")
    assert str(caught.value) == (
        "libonnxruntime_providers_tensorrt.so links libm.so.6 of mathematics, and the lock pins 60.1; allowed: 6.x"
    )
    with pytest.raises(PrepareError, match=r"and the lock does not pin it; allowed: 6\.x"):
        links.check(wheel, "other==6.0\n", source="the lock")


@pytest.mark.parametrize("content", [None, b"", b"not a wheel"])
def test_a_file_that_is_no_such_wheel(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or foreign file is one sentence."""
    file = tmp_path / "x.whl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PrepareError, match=r"x\.whl is no wheel of onnxruntime-gpu for Linux"):
        links.needed(file)
    with zipfile.ZipFile(file, "w") as archive:
        for name in links.PROVIDERS:
            archive.writestr(f"onnxruntime/capi/{name}", "no library")
    with pytest.raises(PrepareError, match=r"x\.whl is no wheel of onnxruntime-gpu for Linux: Magic number"):
        links.needed(file)


def test_the_lock_is_read_whole() -> None:
    """Every package of the lock is found, with its hashes, and TensorRT's libraries are pinned beside it."""
    found = {entry.name: entry for entry in entries(LOCK)}
    assert {"onnxruntime-gpu", "nvidia-cudnn-cu13", "tokenizers", "tensorrt-cu13-libs"} <= found.keys()
    assert len(found) == len(re.findall(r"^[a-z0-9-]+==", LOCK, re.MULTILINE))
    assert all(HASHED.search(entry.text) for name, entry in found.items() if name != "tensorrt-cu13-libs")
    assert f"libnvinfer.so.{found['tensorrt-cu13-libs'].version.split('.')[0]}" == TENSORRT_LIBRARY


def test_a_stub_has_the_same_bytes_anywhere(tmp_path: Path) -> None:
    """A stub's bytes depend on its name and version, so that its hash can be pinned."""
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    one, two = (write_stub(folder, name="nvidia-some", version="1.2") for folder in folders)
    assert one.name == "nvidia_some-1.2-py3-none-any.whl"
    assert one.read_bytes() == two.read_bytes()


@pytest.fixture
def external(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the external wheel, a lock of TensorRT without a hash, and no way to download."""
    folder = tmp_path / "external"
    folder.mkdir()
    lock = tmp_path / "tensorrt.txt"
    lock.write_text("# by hand\ntensorrt-cu13-libs==10.16.1.11\n")

    def download(_lock: Path, _folder: Path, *, log: Path) -> None:
        raise AssertionError(f"nothing may be downloaded before TensorRT's wheel is there: {log}")

    monkeypatch.setattr(cuda_wheels, "EXTERNAL", folder)
    monkeypatch.setattr(cuda_wheels, "TENSORRT", lock)
    monkeypatch.setattr(cuda_wheels, "CUDA", tmp_path / "serving-cuda")
    monkeypatch.setattr(wheels, "download", download)
    return folder


def test_the_external_wheel_is_by_hash(external: Path, tmp_path: Path) -> None:
    """It must be there, its hash must be pinned, and it must be the very file, before gigabytes are downloaded."""
    with pytest.raises(PrepareError, match=r"external has no wheel of tensorrt-cu13-libs 10\.16\.1\.11, which no"):
        prepare_cuda_wheels(silent)
    file = external / "tensorrt_cu13_libs-10.16.1.11-py3-none-manylinux_2_28_x86_64.whl"
    file.write_bytes(b"libraries")
    line = f"tensorrt-cu13-libs==10.16.1.11 --hash=sha256:{hashlib.sha256(b'libraries').hexdigest()}"
    with pytest.raises(PrepareError, match=f"pins no hash .*make its line: {line}$"):
        prepare_cuda_wheels(silent)
    (tmp_path / "tensorrt.txt").write_text(f"{line}\n")
    with pytest.raises(AssertionError, match="nothing may be downloaded before"):
        prepare_cuda_wheels(silent)
    file.write_bytes(b"others")
    with pytest.raises(PrepareError, match=r"SHA-256 is [0-9a-f]{64}, requirements/tensorrt\.txt says"):
        prepare_cuda_wheels(silent)


@pytest.fixture(scope="module")
def runtime() -> Path:
    """The real wheel of onnxruntime-gpu, as `make wheels-cuda-stub` downloads it."""
    prepare_cuda_stub(silent)
    [found] = cuda_wheels.STUB.glob("onnxruntime_gpu-*.whl")
    return found


@pytest.mark.tools
def test_the_real_provider_links_what_the_lock_pins(runtime: Path) -> None:
    """onnxruntime-gpu's TensorRT provider links the major version that is pinned, and CUDA's and cuDNN's too."""
    found = links.check(runtime, LOCK, source="the lock")
    assert f"{TENSORRT_LIBRARY}: tensorrt-cu13-libs 10.16.1.11" in found
    assert any(line.startswith("libcudart.so.13: nvidia-cuda-runtime 13.") for line in found)


@pytest.mark.tools
@pytest.mark.parametrize(
    ("pinned", "doctored", "library"),
    [
        ("tensorrt-cu13-libs==10.16.1.11", "tensorrt-cu13-libs==11.0.0.1", "libnvinfer.so.10"),
        ("nvidia-cudnn-cu13==9.", "nvidia-cudnn-cu13==10.", "libcudnn.so.9"),
        ("nvidia-cuda-runtime==13.", "nvidia-cuda-runtime==12.", "libcudart.so.13"),
        ("nvidia-cublas==13.", "nvidia-cublas-cu12==12.", "libcublas.so.13"),
    ],
)
def test_a_doctored_lock_is_refused(runtime: Path, pinned: str, doctored: str, library: str) -> None:
    """Another major version of any library, or none, is refused by the library's name."""
    assert pinned in LOCK
    with pytest.raises(PrepareError, match=rf"links {re.escape(library)} of .*, and the lock .*; allowed: \d+\.x"):
        links.check(runtime, LOCK.replace(pinned, doctored), source="the lock")


@pytest.mark.tools
def test_the_real_provider_knows_its_options(runtime: Path) -> None:
    """Each option that a profile becomes is a name that the provider's library holds: it would refuse another."""
    shape = Shape(min=1, opt=1, max=1)
    profile = Profile(precision="fp16", batch=shape, length=shape, workspace_mib=64)
    options = tensorrt_options(profile, inputs=["x"], engines=Path("/e"), timings=Path("/t"))
    with zipfile.ZipFile(runtime) as archive:
        library = archive.read(f"onnxruntime/capi/{links.PROVIDERS[0]}")
    assert [name for name in options if name.encode() + b"\0" not in library] == []


@pytest.mark.tools
@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        # With TensorRT the package itself looks for the libraries; with CUDA it falls back and says nothing.
        ("TensorrtExecutionProvider", "install TensorRT libraries"),
        ("CUDAExecutionProvider", "CUDAExecutionProvider was asked for, CPUExecutionProvider runs"),
    ],
)
def test_the_real_runtime_without_its_libraries(runtime: Path, tmp_path: Path, provider: str, reason: str) -> None:
    """The real onnxruntime-gpu without a GPU and its libraries is refused, whichever way it fails."""
    with zipfile.ZipFile(runtime) as archive:
        archive.extractall(tmp_path / "site")
    model = write_model(tmp_path / "model")
    program = (
        "import pathlib, sys; from serving import session; from serving.manifest import ModelError\n"
        "try: print(session.foreign_nodes(session.open_session(\n"
        "    pathlib.Path(sys.argv[1]), provider=sys.argv[2], threads=1), sys.argv[2]))\n"
        "except ModelError as error: print(error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(model / "model.onnx"), provider],
        env=os.environ | {"PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert reason in answer.stdout
