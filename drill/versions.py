"""Versions that are bad on purpose: a real version with a fault in its graph, and all that a version has besides.

They have a manifest, golden answers and a local receipt of their own, so their pods become ready and nothing but real
traffic tells. Their receipts repeat the figures of the version that they are made from, as those of a build would whose
checks do not see the fault. They lie in ``.state`` alone, and no other stack than ``local`` may name them.
"""

# onnx leaves parameters of some functions without a type:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from tokenizers import Tokenizer

from drill import faults
from drill.errors import DrillError
from model_build import manifest

if TYPE_CHECKING:
    from drill.faults import Fault

MODELS = Path(".state/models")
_SHARES = {"errors": faults.ERRORS_PER_CENT, "wrong": faults.WRONG_PER_CENT, "latency": 0}


def bad_version(version: str, fault: Fault) -> str:
    """The name of the version that is made bad from another: ``0.2.1-errors`` from ``0.2.0``."""
    major, minor, patch = version.partition("-")[0].split(".")
    return f"{major}.{minor}.{int(patch) + 1}-{fault}"


def make(service: str, version: str, fault: Fault, *, root: Path) -> str:
    """Make a bad version from a version that was built on this machine, unless it is there already.

    Returns:
        The bad version's name.

    Raises:
        DrillError: the version was not built here.
    """
    bad = bad_version(version, fault)
    source, target = root / MODELS / service / version, root / MODELS / service / bad
    receipt_path = root / manifest.LOCAL_RECEIPTS / service / f"{bad}.json"
    try:
        receipt = manifest.find_receipt(service, version, root=root, origins=manifest.LOCAL_FIRST)
        if manifest.digest(source) != receipt.model_digest:
            raise DrillError(f"{source} is not what its receipt describes; {_how(service, version)}")
    except (manifest.CatalogueError, manifest.ManifestError) as error:
        raise DrillError(f"{error}; {_how(service, version)}") from None
    key = _key(receipt.model_digest, fault)
    if _is_there(target, receipt_path, key):
        return bad
    scratch = target.with_name(f".drill-{bad}-{os.getpid()}")
    try:
        scratch.mkdir(parents=True)
        golden = _write(scratch, source, bad, fault)
        made = receipt.model_copy(
            update={
                "version": bad,
                "build_key": key,
                "model_digest": manifest.digest(scratch),
                "files": manifest.read(scratch).files,
                "golden": golden,
                "images": {},
                "built_at": datetime.now(tz=UTC).replace(microsecond=0),
            }
        )
        receipt_path.parent.mkdir(parents=True, exist_ok=True)
        # The receipt last: cut off before it, the next drill makes both anew.
        receipt_path.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
        new = receipt_path.with_suffix(".new")
        new.write_text(made.model_dump_json(indent=2) + "\n", encoding="utf-8")
        new.replace(receipt_path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return bad


def _write(folder: Path, source: Path, version: str, fault: Fault) -> manifest.GoldenSet:
    """Fill a model directory; return the golden texts that the fault does not meet, with their answers as they were."""
    model = onnx.load(source / "model.onnx")
    faults.put(fault, model)
    onnx.save(model, folder / "model.onnx")
    shutil.copy(source / "tokenizer.json", folder)
    card = json.loads((source / "model.json").read_text(encoding="utf-8")) | {"version": version}
    _write_json(folder / "model.json", card)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    known = manifest.GoldenSet.model_validate_json((source / "golden.json").read_bytes())
    kept = [each for each in known.examples if not faults.is_met(tokenizer.encode(each.text).ids, _SHARES[fault])]
    golden = manifest.GoldenSet(tolerance=known.tolerance, examples=tuple(kept))
    _write_json(folder / "golden.json", golden.model_dump())
    manifest.create(folder)
    return golden


def _is_there(target: Path, receipt_path: Path, key: str) -> bool:
    try:
        receipt = manifest.read_receipt(receipt_path)
        return receipt.build_key == key and manifest.verify(target) == receipt.model_digest
    except (manifest.ReceiptError, manifest.ManifestError):
        return False


def _key(digest: str, fault: Fault) -> str:
    """Of everything that decides the result: the model that it is made from, the fault, this code."""
    code = b"".join(Path(file).read_bytes() for file in (__file__, faults.__file__))
    return hashlib.sha256(f"{digest}\n{fault}\n".encode() + code).hexdigest()


def _how(service: str, version: str) -> str:
    return f"build it with `.venv-model-build/bin/python -m model_build build --service {service} --version {version}`"


def _write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
