"""Makes what is missing: one tool after the other, one run at a time, each tool whole or not at all."""

import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from tools import from_pypi, stamps
from tools.catalogue import GO
from tools.commands import Job
from tools.errors import ToolError
from tools.from_debian import DebianInstaller, require_permission
from tools.from_go import GoBuilder
from tools.layout import Layout
from tools.model import DebianPackage, GoBuild, PyPIPackage, Tool
from tools.place import link
from tools.probe import Probe
from tools.progress import Reporter
from tools.status import Origin, Status, made_programs, status_of, survey


def build(layout: Layout, tools: Sequence[Tool], console: Console) -> list[Status]:
    """Find each tool, and make those that are missing.

    Returns:
        Where each tool is now.

    Raises:
        ToolError: one could not be made; those made before it stay.
    """
    found = survey(layout, Probe(layout), tools)
    if not all(status.ready for status in found):
        with _only_one(layout, console):
            # Another run may have made some of them while this one waited.
            todo = [status.tool for status in survey(layout, Probe(layout), tools) if not status.ready]
            if todo:
                _Maker(layout, todo).make_all(console)
            found = survey(layout, Probe(layout), tools)
    for status in found:
        _tidy(status, layout)
    unfit = [f"{status.tool.name} ({status.remark or 'not found'})" for status in found if not status.ready]
    if unfit:
        raise ToolError(f"installed, and still not fit for use: {'; '.join(unfit)}")
    return found


@contextmanager
def _only_one(layout: Layout, console: Console) -> Generator[None]:
    """Let one run at a time write; another one waits and says so."""
    layout.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(layout.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.print("another run is making tools; waiting for it", highlight=False)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _tidy(status: Status, layout: Layout) -> None:
    """Link what was found elsewhere, and remove what an official Pulumi has made superfluous."""
    if status.origin is Origin.PATH and not isinstance(status.tool.source, DebianPackage):
        for program in status.programs:
            link(program, layout.bin / program.name)
    if status.origin is Origin.UNNEEDED:
        stamps.remove(status.tool, layout)


class _Maker:
    """Makes tools in order; the lock must be held."""

    def __init__(self, layout: Layout, todo: list[Tool]) -> None:
        self._layout = layout
        self._todo = todo
        self._debian = DebianInstaller()
        compiler = status_of(GO, layout, Probe(layout))
        self._go = (compiler.programs or made_programs(GO, layout))[0]
        first = next((index for index, tool in enumerate(todo) if isinstance(tool.source, GoBuild)), None)
        if first is not None and not compiler.ready and GO not in todo:
            todo.insert(first, GO)

    def make_all(self, console: Console) -> None:
        require_permission([tool.source.package for tool in self._todo if isinstance(tool.source, DebianPackage)])
        shutil.rmtree(self._layout.scratch, ignore_errors=True)
        for folder in (self._layout.scratch, self._layout.logs, self._layout.bin):
            folder.mkdir(parents=True, exist_ok=True)
        reporter = Reporter(console, self._todo)
        for tool in self._todo:
            log = self._layout.logs / f"{tool.name}.log"
            log.unlink(missing_ok=True)
            with reporter.making(tool) as tick, tempfile.TemporaryDirectory(dir=self._layout.scratch) as scratch:
                self._make(Job(tool=tool, layout=self._layout, log=log, scratch=Path(scratch), tick=tick))
        reporter.close()

    def _make(self, job: Job) -> None:
        started = time.monotonic()
        match job.tool.source:
            case DebianPackage(package=package):
                self._debian.install(package, job)
                return  # dpkg keeps its own record
            case PyPIPackage() as source:
                files = from_pypi.install(source, job)
            case GoBuild() as source:
                files = GoBuilder(source, job, go=self._go).build()
        self._check(job.tool)
        stamps.write(job.tool, self._layout, files=files, seconds=time.monotonic() - started)

    def _check(self, tool: Tool) -> None:
        """Ask what was made for its version: what cannot start is found here and not in the cluster."""
        if tool.version_arguments is None:
            return
        probe = Probe(self._layout)
        programs = made_programs(tool, self._layout)
        # One stamp may miss one program of a build; of a package the first program speaks for all.
        for program in programs if isinstance(tool.source, GoBuild) else programs[:1]:
            version = probe.version(program, tool.version_arguments)
            if version != tool.version:
                wrong = f"says it is {version}" if version else "does not tell its version"
                raise ToolError(f"{tool.name}: {program} {wrong}; {tool.version} was to be made: correct the catalogue")
