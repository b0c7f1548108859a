"""The model that a process is told to serve: its graph, or the engine that was built from it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from serving import accelerator
from serving.engine_cache import EngineCache, EngineKey, Receipt, describe_files
from serving.manifest import ModelError
from serving.model import Model
from serving.profile import tensorrt_options
from serving.session import TENSORRT, runtime_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serving.settings import Settings


class EngineMissingError(ModelError):
    """The cache has no engine for exactly this model and this place."""


def engine_key(settings: Settings, digest: str, found: accelerator.Accelerator) -> EngineKey:
    """All that the engine of a model depends on here."""
    return EngineKey(
        model=digest,
        provider=settings.provider,
        onnxruntime=runtime_version(),
        tensorrt=found.tensorrt,
        architecture=found.architecture,
        device=found.device,
        profile=settings.profile,
    )


def load_graph(settings: Settings, options: Mapping[str, str] | None = None, *, provider: str | None = None) -> Model:
    """Load the model's graph with the provider that was asked for, or with another one.

    Raises:
        ModelError: a file does not hold what it must, or the profile is not one of this model.
    """
    profile = settings.profile
    model = Model.load(
        settings.model_dir,
        provider=provider or settings.provider,
        threads=settings.threads,
        options=options,
        least=(1, 1) if profile is None else (profile.batch.min, profile.length.min),
    )
    if profile is not None and profile.length.max > model.card.max_tokens:
        raise ModelError(
            f"SERVING_LENGTH_SHAPES: {profile.length.max} tokens, but the model takes at most {model.card.max_tokens}"
        )
    return model


def engine_options(settings: Settings, inputs: list[str], engines: Path, timings: Path | None) -> dict[str, str]:
    """Options of the provider that read an engine from a folder, or write it there; none for a provider without."""
    if settings.provider != TENSORRT or settings.profile is None:
        return {}
    return tensorrt_options(settings.profile, inputs=inputs, engines=engines, timings=timings)


def load_served(settings: Settings, digest: str) -> Model:
    """Load what a process serves: with an engine cache, the engine that was built and tried for exactly this place.

    Raises:
        EngineMissingError: there is no such engine, or ONNX Runtime did not take it.
        ModelError: it was changed, or the model cannot be loaded.
    """
    if settings.engine_cache is None:
        return load_graph(settings)
    key = engine_key(settings, digest, accelerator.find(settings.provider))
    cache = EngineCache(settings.engine_cache, key)
    if (receipt := cache.receipt()) is None:
        raise EngineMissingError(f"no engine in {cache.folder}; `python -m serving.engine build` makes it")
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        return load_engine(settings, cache, receipt, Path(name))


def load_engine(settings: Settings, cache: EngineCache, receipt: Receipt, folder: Path) -> Model:
    """Load a built engine by way of an empty folder.

    Raises:
        ModelError: the engine was changed.
        EngineMissingError: ONNX Runtime built another one in its place.
    """
    cache.fetch(receipt, folder)
    before = _state(folder)
    model = load_graph(settings, engine_options(settings, receipt.inputs, folder, None))
    if _state(folder) != before:
        raise EngineMissingError(f"ONNX Runtime did not take the engine of {cache.folder} and built another one")
    return model


def _state(folder: Path) -> dict[str, tuple[str, int]]:
    """What the files hold and when they were written: a build that ends in the same bytes is a build all the same."""
    return {name: (file.sha256, (folder / name).stat().st_mtime_ns) for name, file in describe_files(folder).items()}
