"""One build, from the question whether there is anything to do to the receipt."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from model_build import environment, manifest
from model_build.errors import BuildError
from model_build.freshness import build_key, find_fresh
from model_build.places import Places

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from model_build.manifest import Receipt
    from model_build.progress import Reporter
    from model_build.spec import SpecFile


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """What a build did.

    Attributes:
        built: False where the version was there already.
        directory: the model directory.
        receipt: of the version.
    """

    built: bool
    directory: Path
    receipt: Receipt


def build(spec_file: SpecFile, *, root: Path, reporter: Reporter, force: bool = False) -> BuildResult:
    """Build a version, unless it is there already. Two at once: the second waits and takes the first one's result.

    Args:
        spec_file: what to build.
        root: the checkout; results go to its ``.state``.
        reporter: is shown each step.
        force: build even if the version is there.

    Raises:
        BuildError: a source is not to be had, or a check failed; the version that was there before stays.
    """
    places = Places(root=root, service=spec_file.spec.service, version=spec_file.spec.version)
    key = build_key(spec_file.sha256)
    if not force and (receipt := find_fresh(places, key=key)):
        return BuildResult(built=False, directory=places.model, receipt=receipt)
    places.lock.parent.mkdir(parents=True, exist_ok=True)
    with _held(FileLock(places.lock), reporter) as waited:
        if (waited or not force) and (receipt := find_fresh(places, key=key)):
            return BuildResult(built=False, directory=places.model, receipt=receipt)
        try:
            receipt = _build(spec_file, key, places, reporter)
        finally:
            shutil.rmtree(places.scratch, ignore_errors=True)
    return BuildResult(built=True, directory=places.model, receipt=receipt)


def _build(spec_file: SpecFile, key: str, places: Places, reporter: Reporter) -> Receipt:
    environment.prepare_process()
    try:
        from model_build import pipeline  # noqa: PLC0415  # seconds of imports that a second build does without
    except ModuleNotFoundError as error:
        raise BuildError(
            f"{error.name} is not installed in {sys.prefix}; a build needs the environment of `make venv-model-build`:"
            " .venv-model-build/bin/python -m model_build ..."
        ) from None

    spec = spec_file.spec
    start, pressure = time.monotonic(), environment.cpu_pressure()
    shutil.rmtree(places.scratch, ignore_errors=True)
    places.scratch.mkdir(parents=True)
    made = places.scratch / "model"
    made.mkdir()
    quality, parity, golden = pipeline.build_model(spec, made, root=places.root, reporter=reporter)
    after = environment.cpu_pressure()
    receipt = manifest.Receipt(
        service=spec.service,
        version=spec.version,
        task=spec.task,
        spec_sha256=spec_file.sha256,
        build_key=key,
        model_digest=manifest.digest(made),
        files=manifest.read(made).files,
        parity=parity,
        quality=quality,
        golden=golden,
        environment=pipeline.describe_environment(spec.training.threads),
        built_at=datetime.now(tz=UTC).replace(microsecond=0),
        seconds=round(time.monotonic() - start, 1),
        cpu_pressure=None if after is None or pressure is None else round(after - pressure, 1),
    )
    _put(receipt, made, places)
    return receipt


def _put(receipt: Receipt, made: Path, places: Places) -> None:
    """Move the model and its receipt to their places. Cut off in between, the next build sees that they do not fit."""
    written = places.scratch / "receipt.json"
    written.write_text(receipt.model_dump_json(indent=2) + "\n", encoding="utf-8")
    places.model.parent.mkdir(parents=True, exist_ok=True)
    places.receipt.parent.mkdir(parents=True, exist_ok=True)
    if places.model.exists():
        places.model.rename(places.scratch / "replaced")
    made.rename(places.model)
    written.replace(places.receipt)


@contextmanager
def _held(lock: FileLock, reporter: Reporter) -> Generator[bool]:
    """Hold the lock; say whether another build held it before."""
    try:
        lock.acquire(blocking=False)
        waited = False
    except Timeout:
        with reporter.step("wait", "another build of this version is running"):
            lock.acquire()
        waited = True
    try:
        yield waited
    finally:
        lock.release()
