"""Builds the engine of a model for this machine, tries it, and puts it into the cache with its receipt."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from serving import accelerator
from serving.engine_cache import EngineCache, Receipt, Run, describe_files
from serving.golden import try_golden
from serving.loading import engine_key, engine_options, load_engine, load_graph
from serving.manifest import ModelError, verify
from serving.session import CPU, TENSORRT

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.model import Model
    from serving.settings import Settings

_TIMED_RUNS = 5


class EngineError(Exception):
    """An engine that must not be used; the message says what was found."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An engine that is in the cache.

    Attributes:
        folder: where.
        receipt: what was found when it was built.
        built: whether that was now.
    """

    folder: Path
    receipt: Receipt
    built: bool


def build(settings: Settings, say: Callable[[str], None]) -> Outcome:
    """Make sure that the cache holds the engine of the settings' model, provider and profile for this machine.

    Args:
        settings: with a profile and a folder for engines.
        say: is told what happens.

    Raises:
        ModelError: the model, the machine or the folder cannot be used.
        EngineError: the engine runs elsewhere than asked, or answers otherwise than the model.
    """
    if settings.engine_cache is None:
        raise ModelError("SERVING_ENGINE_CACHE is not set: there is no folder to build into")
    digest = verify(settings.model_dir)
    found = accelerator.find(settings.provider)
    cache = EngineCache(settings.engine_cache, engine_key(settings, digest, found))
    say(f"model {digest[:12]}, {settings.provider} on {found.device} ({found.architecture})")
    if (receipt := cache.receipt()) is not None:
        with tempfile.TemporaryDirectory(prefix="engine-") as name:
            cache.fetch(receipt, Path(name))
        say(f"there already: {cache.folder}")
        return Outcome(folder=cache.folder, receipt=receipt, built=False)
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        receipt = _build(settings, cache, Path(name), say)
    say(f"stored: {cache.folder}")
    return Outcome(folder=cache.folder, receipt=receipt, built=True)


def load_again(settings: Settings, outcome: Outcome) -> float:
    """Load a built engine as a pod does; return the seconds that it took.

    Raises:
        ModelError: a pod could not.
        EngineError: a pod would not be ready.
    """
    if settings.engine_cache is None:
        raise ModelError("SERVING_ENGINE_CACHE is not set: there is no folder to load from")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        cache = EngineCache(settings.engine_cache, outcome.receipt.key)
        model = load_engine(settings, cache, outcome.receipt, Path(name))
    seconds = time.monotonic() - started
    _golden(settings, model)
    return seconds


def _build(settings: Settings, cache: EngineCache, scratch: Path, say: Callable[[str], None]) -> Receipt:
    engines, timings = scratch / "engines", scratch / "timings"
    engines.mkdir()
    timings.mkdir()
    cache.fetch_timings(timings)
    reference = load_graph(settings, provider=CPU)
    inputs = sorted(entry.name for entry in reference.session.get_inputs())
    say("building")
    started = time.monotonic()
    model = load_graph(settings, engine_options(settings, inputs, engines, timings))
    # The first run may still build what depends on shapes.
    golden = _golden(settings, model)
    seconds = time.monotonic() - started
    say(f"built in {seconds:.1f} s; {golden}")
    runs = _compare(settings, model, reference, say)
    files = describe_files(engines)
    if settings.provider == TENSORRT and not files:
        raise EngineError(f"{TENSORRT} wrote no engine")
    receipt = Receipt(
        key=cache.key,
        inputs=inputs,
        files=files,
        build_seconds=round(seconds, 3),
        golden=golden,
        tolerance=model.golden.tolerance,
        runs=runs,
    )
    cache.store(engines, receipt, timings=timings)
    return receipt


def _golden(settings: Settings, model: Model) -> str:
    """Answer the golden texts where the model really runs.

    Raises:
        EngineError: it runs elsewhere than asked, or answers otherwise.
    """
    if model.foreign_nodes:
        raise EngineError(model.foreign_nodes)
    result = try_golden(
        model,
        max_batch=settings.batch_limit,
        max_batch_tokens=settings.token_limit,
        max_tokens=model.card.max_tokens if settings.profile is None else settings.profile.length.max,
    )
    if not result.ok:
        raise EngineError(result.reason)
    return result.reason


def _compare(settings: Settings, model: Model, reference: Model, say: Callable[[str], None]) -> list[Run]:
    """Run the smallest, the usual and the largest shape of the profile, and compare each with the CPU's answer."""
    profile = settings.profile
    if profile is None:
        return []
    words = list(itertools.chain.from_iterable(model.encode([example.text for example in model.golden.examples])))
    runs: list[Run] = []
    for size in ("min", "opt", "max"):
        batch, length = getattr(profile.batch, size), getattr(profile.length, size)
        stream = itertools.cycle(words)
        texts = [list(itertools.islice(stream, length)) for _ in range(batch)]
        answer = model.classify(texts)
        difference = float(np.abs(answer - reference.classify(texts)).max())
        milliseconds = 1000 * statistics.median(_seconds(model, texts) for _ in range(_TIMED_RUNS))
        say(f"{batch} x {length} tokens: {milliseconds:.2f} ms, difference from the CPU {difference:.5f}")
        if not difference <= model.golden.tolerance:  # true of NaN too
            raise EngineError(
                f"{batch} texts of {length} tokens: probabilities differ by {difference:.5f} from the CPU's, "
                f"tolerance {model.golden.tolerance}"
            )
        runs.append(Run(batch=batch, length=length, milliseconds=round(milliseconds, 3), difference=difference))
    return runs


def _seconds(model: Model, texts: list[list[int]]) -> float:
    started = time.perf_counter()
    model.classify(texts)
    return time.perf_counter() - started
