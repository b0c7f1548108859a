"""The wheels of the serving image, downloaded once with their hashes, in ``.state/wheels/serving/``."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local.images.errors import PrepareError
from local.images.files import digest, replaced_folder

if TYPE_CHECKING:
    from collections.abc import Callable

_CHECKOUT = Path(__file__).parent.parent.parent
WHEELS = _CHECKOUT / ".state" / "wheels" / "serving"
# What the image runs, and pip, which installs it in the image's build stage and is not in the image.
LOCKS = {name: _CHECKOUT / "requirements" / f"{name}.txt" for name in ("serving", "installer")}
PYTHON = "3.11"
# The newest glibc that a wheel may ask for is the base image's, 2.36; pip wants every name that it shall accept.
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(36, 16, -1)] + ["manylinux2014_x86_64"]


def prepare_wheels(say: Callable[[str], None]) -> None:
    """Download what the locks name, unless that is what is there.

    Raises:
        PrepareError: a lock is missing or a wheel cannot be had.
    """
    for lock in LOCKS.values():
        if not lock.exists():
            raise PrepareError(f"{lock} is missing; run `make lock`")
    recipe = digest(*(lock.read_bytes() for lock in LOCKS.values()), PYTHON.encode(), *(p.encode() for p in PLATFORMS))
    mark = WHEELS.with_suffix(".recipe")
    if WHEELS.exists() and mark.exists() and mark.read_text() == recipe:
        say("wheels: there already")
        return
    say("wheels: downloading what requirements/serving.txt names")
    started = time.monotonic()
    WHEELS.parent.mkdir(parents=True, exist_ok=True)
    with replaced_folder(WHEELS) as new:
        for name, lock in LOCKS.items():
            _download(lock, new, log=WHEELS.with_suffix(".log"))
            (new / f"{name}.txt").write_bytes(lock.read_bytes())
        mark.unlink(missing_ok=True)
    mark.write_text(recipe)
    files = list(WHEELS.glob("*.whl"))
    size = sum(file.stat().st_size for file in files) / 1e6
    say(f"wheels: {len(files)} wheels, {size:.0f} MB in {time.monotonic() - started:.0f} s")


def _download(lock: Path, folder: Path, *, log: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    command += [f"--dest={folder}", f"--requirement={lock}"]
    with log.open("w") as output:
        result = subprocess.run(command, stdout=output, stderr=output, check=False)
    if result.returncode != 0:
        errors = [line for line in log.read_text().splitlines() if line.startswith("ERROR")] or ["no output"]
        raise PrepareError(f"pip could not download what {lock.name} names: {errors[0]}; the whole log is in {log}")
