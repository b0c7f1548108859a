"""Runs in the image's build stage: installs the wheels, drops what serving never imports, compiles the rest.

Arguments: the folder of the wheels, with serving.txt (their hashes) and pip's own wheel; the folder to install into.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

# Relative to the folder of the packages; what pip put there besides them, and parts for development.
UNUSED = (
    "bin",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/random/lib",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "nvidia/**/include",
    "**/tests",
    "**/*.pyi",
    "**/*.pxd",
)


def main(wheels: Path, packages: Path) -> None:
    """Fill ``packages``. pip checks the hash of each wheel against the lock."""
    [pip] = wheels.glob("pip-*.whl")
    command = [sys.executable, "-m", "pip", "install", "--no-index", f"--find-links={wheels}", "--no-deps"]
    command += ["--require-hashes", "--no-compile", "--no-cache-dir", "--disable-pip-version-check"]
    command += ["--root-user-action=ignore", f"--target={packages}", f"--requirement={wheels / 'serving.txt'}"]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(pip)}, check=True)
    for pattern in UNUSED:
        for path in list(packages.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    # Hash-based and unchecked: the bytecode depends on the source alone, and nothing compares dates at the start.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(packages, quiet=1, invalidation_mode=mode, workers=0):
        sys.exit("some packages could not be compiled")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
