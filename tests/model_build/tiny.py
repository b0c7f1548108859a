"""A spec that builds in seconds: the real encoder, frozen, and a classifier trained on a few texts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from model_build.spec import SpecFile, find_spec, spec_path

ROOT = Path(__file__).parents[2]
SERVICE = "sentiment"
VERSION = "0.1.0"
_TINY = {
    "held_out": "400\ntrain_limit = 320",
    "frozen_layers": "6",
    "epochs": "1",
    "head_learning_rate": "2e-2",
    "parity_examples": "60",
    "required_margin": "-1.0",
    "golden_examples": "50",
    "golden_min_score": "0.505",
}


def make_root(root: Path, **changes: str) -> SpecFile:
    """Make a folder that is like a checkout: a tiny spec, and the cache of downloads that this checkout has.

    Args:
        root: is made if it is not there.
        changes: values of keys of the spec, as TOML.
    """
    text = spec_path(SERVICE, VERSION, root=ROOT).read_text(encoding="utf-8")
    for key, value in {**_TINY, **changes}.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    path = spec_path(SERVICE, VERSION, root=root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    cache = ROOT / ".state" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    if not (root / ".state" / "cache").exists():
        (root / ".state").mkdir()
        (root / ".state" / "cache").symlink_to(cache)
    return find_spec(SERVICE, VERSION, root=root)


def start_build(root: Path, *options: str) -> subprocess.Popen[str]:
    """Start ``python -m model_build build`` in a process of its own, its output not yet read."""
    return subprocess.Popen(
        [sys.executable, "-m", "model_build", "build", *_NAMES, "--root", str(root), *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


_NAMES = ("--service", SERVICE, "--version", VERSION)
