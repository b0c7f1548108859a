"""TensorRT's part, with stand-ins for the GPU, the library and the provider: what the service makes of their answers.

What they really answer is for a machine with a GPU: test_gpu.py.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from serving import accelerator, engine_build, loading, model
from serving.accelerator import AcceleratorError
from serving.engine_build import EngineError
from serving.manifest import ModelError, verify
from serving.session import CPU, TENSORRT, open_session
from serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ENGINE = "TensorrtExecutionProvider_TRTKernel_graph_tiny_0_0_fp16_sm89.engine"


def silent(_: str) -> None:
    """Say nothing."""


class _NvmlError(Exception):
    """As pynvml's."""


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine with one L4 and TensorRT 10.16.1, as NVML and the library would say."""
    nvml = SimpleNamespace(
        NVMLError=_NvmlError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: index,  # pyright: ignore[reportUnknownLambdaType]
        nvmlDeviceGetCudaComputeCapability=lambda _: (8, 9),  # pyright: ignore[reportUnknownLambdaType]
        nvmlDeviceGetName=lambda _: "NVIDIA L4",  # pyright: ignore[reportUnknownLambdaType]
    )
    library = SimpleNamespace(getInferLibVersion=lambda: 101601)

    def load(name: str) -> SimpleNamespace:
        assert name == accelerator.TENSORRT_LIBRARY
        return library

    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(ctypes, "CDLL", load)
    return nvml


def test_architecture_and_versions(gpu: SimpleNamespace) -> None:
    """The GPU's architecture is written as CUDA does, the library's number as a version."""
    assert gpu
    found = accelerator.find(TENSORRT)
    assert (found.architecture, found.device, found.tensorrt) == ("sm89", "NVIDIA L4", "10.16.1")


def test_what_is_missing_is_named(gpu: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bindings, no GPU and no library are three sentences."""

    def no_gpu() -> None:
        raise _NvmlError("Driver Not Loaded")

    def no_library(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    with pytest.raises(AcceleratorError, match=r"TensorRT cannot be used: libnvinfer\.so\.10: cannot open"):
        accelerator.find(TENSORRT)
    gpu.nvmlInit = no_gpu
    with pytest.raises(AcceleratorError, match="no GPU can be used: NVML says: Driver Not Loaded"):
        accelerator.find(TENSORRT)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(AcceleratorError, match="this is not an image of variant cuda-trt"):
        accelerator.find(TENSORRT)


@dataclass
class Provider:
    """A stand-in for ONNX Runtime's TensorRT provider: an engine is a file that it writes, or takes if it is there.

    Attributes:
        foreign: how many nodes it leaves to the CPU.
        writes: whether it writes its engine.
        takes: whether it takes an engine that is there.
        built: options of each build.
    """

    foreign: int = 0
    writes: bool = True
    takes: bool = True
    built: list[Mapping[str, str]] = field(default_factory=list["Mapping[str, str]"])

    def open(self, path: Path, *, provider: str, threads: int, options: Mapping[str, str] | None = None) -> object:
        """Open a session, as ``serving.session.open_session`` does."""
        session = open_session(path, provider=CPU, threads=threads)
        if provider == CPU:
            return session
        assert options is not None
        engine = Path(options["trt_engine_cache_path"]) / ENGINE
        if not (engine.exists() and self.takes):
            self.built.append(options)
            if self.writes:
                engine.write_text("engine")
            if options["trt_timing_cache_enable"] == "True":
                (Path(options["trt_timing_cache_path"]) / "cache_sm89.timing").write_text("timing")

        def assignment() -> Sequence[object]:
            [node, *_] = session.get_provider_graph_assignment_info()
            kinds = [TENSORRT] * (7 - self.foreign) + [CPU] * self.foreign
            return [SimpleNamespace(ep_name=kind, get_nodes=node.get_nodes) for kind in kinds]

        return SimpleNamespace(
            run=session.run,
            get_inputs=session.get_inputs,
            get_providers=lambda: [TENSORRT, CPU],
            get_provider_graph_assignment_info=assignment,
        )


@pytest.fixture
def provider(gpu: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The stand-in, in place of ONNX Runtime's."""
    assert gpu
    stand_in = Provider()
    monkeypatch.setattr(model, "open_session", stand_in.open)
    return stand_in


@pytest.fixture
def settings(tiny_model: Path, tmp_path: Path) -> Settings:
    """The tiny model on TensorRT with an empty cache."""
    given: dict[str, Any] = {
        "model_dir": tiny_model,
        "threads": 1,
        "provider": TENSORRT,
        "precision": "fp16",
        "batch_shapes": "1,2,4",
        "length_shapes": "5,8,16",
        "engine_cache": tmp_path / "engines",
    }
    return Settings.model_validate(given)


def test_from_the_job_to_the_pod(provider: Provider, settings: Settings) -> None:
    """The Job builds once, with a timing cache; the pod takes that very engine and has no timing cache to write."""
    outcome = engine_build.build(settings, silent)
    assert (outcome.built, list(outcome.receipt.files)) == (True, [ENGINE])
    assert outcome.folder.name.startswith("sm89-")
    assert sorted(path.name for path in outcome.folder.iterdir()) == [ENGINE, "receipt.json", "timings"]
    assert outcome.receipt.key.tensorrt == "10.16.1"
    loaded = loading.load_served(settings, verify(settings.model_dir))
    assert loaded.foreign_nodes == ""
    assert len(provider.built) == 1
    assert engine_build.build(settings, silent).built is False
    assert engine_build.load_again(settings, outcome) > 0


def test_another_gpu_needs_another_engine(provider: Provider, settings: Settings, gpu: SimpleNamespace) -> None:
    """On another architecture or model of GPU the pod finds nothing, and the Job builds beside what is there."""
    engine_build.build(settings, silent)
    gpu.nvmlDeviceGetCudaComputeCapability = lambda _: (8, 0)  # pyright: ignore[reportUnknownLambdaType]
    with pytest.raises(ModelError, match=r"no engine in .*/sm80-"):
        loading.load_served(settings, verify(settings.model_dir))
    engine_build.build(settings, silent)
    assert settings.engine_cache is not None
    assert sorted(path.name[:4] for path in settings.engine_cache.iterdir()) == ["sm80", "sm89"]
    gpu.nvmlDeviceGetCudaComputeCapability = lambda _: (8, 9)  # pyright: ignore[reportUnknownLambdaType]
    gpu.nvmlDeviceGetName = lambda _: "NVIDIA L40S"  # pyright: ignore[reportUnknownLambdaType]
    engine_build.build(settings, silent)
    assert len(provider.built) == 3


BAD: list[tuple[Callable[[Provider], object], str]] = [
    (lambda it: setattr(it, "foreign", 2), "was asked for, 2 of 7 nodes run elsewhere (CPUExecutionProvider: "),
    (lambda it: setattr(it, "writes", False), "TensorrtExecutionProvider wrote no engine"),
]


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_a_build_that_is_none(
    provider: Provider, settings: Settings, change: Callable[[Provider], object], sentence: str
) -> None:
    """A graph that runs partly elsewhere, or an engine that was not written, is not stored."""
    change(provider)
    with pytest.raises(EngineError) as caught:
        engine_build.build(settings, silent)
    assert sentence in str(caught.value)
    assert settings.engine_cache is not None
    assert not settings.engine_cache.exists()


def test_a_pod_does_not_build(provider: Provider, settings: Settings) -> None:
    """A pod whose runtime does not take the engine and builds one in its place serves nothing."""
    engine_build.build(settings, silent)
    provider.takes = False
    with pytest.raises(ModelError, match=r"did not take the engine of .* and built another one"):
        loading.load_served(settings, verify(settings.model_dir))
