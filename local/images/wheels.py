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
    from collections.abc import Callable, Iterable

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

    def fill(new: Path) -> None:
        for name, lock in LOCKS.items():
            download(lock, new, log=WHEELS.with_suffix(".log"))
            (new / f"{name}.txt").write_bytes(lock.read_bytes())

    task = "downloading what requirements/serving.txt names"
    fill_once(WHEELS, read_locks(LOCKS.values()), fill, say=say, name="wheels", task=task)


def read_locks(locks: Iterable[Path]) -> list[bytes]:
    """Read what wheels are downloaded by.

    Raises:
        PrepareError: a lock is missing.
    """
    known = list(locks)
    for lock in known:
        if not lock.exists():
            raise PrepareError(f"{lock} is missing; run `make lock`")
    return [lock.read_bytes() for lock in known]


def fill_once(  # noqa: PLR0913  # each is named where it is called
    folder: Path,
    recipe_parts: Iterable[bytes],
    fill: Callable[[Path], None],
    *,
    say: Callable[[str], None],
    name: str,
    task: str,
) -> None:
    """Fill a folder of wheels, unless it was filled by the same recipe.

    Args:
        folder: is replaced whole, or left as it was when ``fill`` fails.
        recipe_parts: all that decides what comes into it, besides the Python version and the platforms.
        fill: fills the empty folder that it is given.
        say: is told what happens.
        name: what that is about.
        task: what is about to be done.
    """
    recipe = digest(*recipe_parts, PYTHON.encode(), *(platform.encode() for platform in PLATFORMS))
    mark = folder.with_suffix(".recipe")
    if folder.exists() and mark.exists() and mark.read_text() == recipe:
        say(f"{name}: there already")
        return
    say(f"{name}: {task}")
    started = time.monotonic()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with replaced_folder(folder) as new:
        fill(new)
        mark.unlink(missing_ok=True)
    mark.write_text(recipe)
    files = list(folder.glob("*.whl"))
    size = sum(file.stat().st_size for file in files) / 1e6
    say(f"{name}: {len(files)} wheels, {size:.0f} MB in {time.monotonic() - started:.0f} s")


def download(lock: Path, folder: Path, *, log: Path) -> None:
    """Download the wheels that a lock names, by hash.

    Raises:
        PrepareError: a wheel cannot be had.
    """
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    command += [f"--dest={folder}", f"--requirement={lock}"]
    with log.open("w") as output:
        result = subprocess.run(command, stdout=output, stderr=output, check=False)
    if result.returncode != 0:
        errors = [line for line in log.read_text().splitlines() if line.startswith("ERROR")] or ["no output"]
        raise PrepareError(f"pip could not download what {lock.name} names: {errors[0]}; the whole log is in {log}")
