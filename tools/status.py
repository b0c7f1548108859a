"""Tells of each tool whether it is there, and from where."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools import stamps
from tools.catalogue import CATALOGUE, PULUMI
from tools.layout import Layout
from tools.model import DebianPackage, GoBuild, Tool
from tools.probe import Probe
from tools.versions import fits

OFFICIAL_PULUMI = ">=3.259,<4"


class Origin(StrEnum):
    """Where a tool comes from."""

    PATH = "PATH"
    BUILT = "built"
    PYPI = "PyPI"
    DEBIAN = "Debian"
    UNNEEDED = "not needed"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is known of one tool."""

    tool: Tool
    origin: Origin
    version: str
    """Of what is there; empty if nothing is or if it cannot tell."""
    programs: tuple[Path, ...] = ()
    """Where its programs lie, in the order of `tool.programs`."""
    remark: str = ""
    """Why something on PATH was not taken, or why nothing is needed."""

    @property
    def ready(self) -> bool:
        """Whether nothing has to be made."""
        return self.origin is not Origin.MISSING


def official_pulumi(probe: Probe) -> Path | None:
    """Return the `pulumi` on PATH if its version fits and its Python language host is on PATH with it."""
    pulumi = probe.find("pulumi")
    if not pulumi or not probe.find("pulumi-language-python"):
        return None
    version = probe.version(pulumi, ("version",))
    return pulumi if version and fits(version, OFFICIAL_PULUMI) else None


def survey(layout: Layout, probe: Probe, tools: Iterable[Tool] = CATALOGUE) -> list[Status]:
    """Return the status of each tool; it builds and installs nothing."""
    official = official_pulumi(probe)
    return [
        Status(tool=tool, origin=Origin.UNNEEDED, version="", remark=f"the official {official} brings it")
        if official and tool.group == PULUMI
        else status_of(tool, layout, probe)
        for tool in tools
    ]


def status_of(tool: Tool, layout: Layout, probe: Probe) -> Status:
    """Return where one tool comes from: PATH first, then what was made before."""
    on_path = _on_path(tool, probe)
    if on_path.ready:
        return on_path
    if not isinstance(tool.source, DebianPackage) and stamps.read(tool, layout):
        return Status(
            tool=tool,
            origin=Origin.BUILT if isinstance(tool.source, GoBuild) else Origin.PYPI,
            version=tool.version,
            programs=made_programs(tool, layout),
            remark=on_path.remark,
        )
    return on_path


def made_programs(tool: Tool, layout: Layout) -> tuple[Path, ...]:
    """Return where a tool's programs lie, or will lie, when they are built or installed here."""
    folder = layout.root / tool.source.into if isinstance(tool.source, GoBuild) else layout.bin
    return tuple(folder / program for program in tool.programs)


def _on_path(tool: Tool, probe: Probe) -> Status:
    missing = Status(tool=tool, origin=Origin.MISSING, version="")
    if tool.accept is None:
        return missing
    folders, files = (tool.source.folders, tool.source.files) if isinstance(tool.source, DebianPackage) else ((), ())
    if files and not any(Path(file).exists() for file in files):
        return missing
    programs = [path for program in tool.programs if (path := probe.find(program, folders))]
    if len(programs) < len(tool.programs):
        return missing
    version = ""
    if tool.version_arguments is not None:
        for program in programs if isinstance(tool.source, GoBuild) else programs[:1]:
            version = probe.version(program, tool.version_arguments) or ""
            if not version or not fits(version, tool.accept):
                remark = f"{program} is {version or 'of an unknown version'}; wanted {tool.accept}"
                return Status(tool=tool, origin=Origin.MISSING, version="", remark=remark)
    origin = Origin.DEBIAN if _installed_by_debian(tool) else Origin.PATH
    return Status(tool=tool, origin=origin, version=version, programs=tuple(programs))


def _installed_by_debian(tool: Tool) -> bool:
    """Tell whether dpkg knows the tool's package; dpkg's list of its files is there exactly then."""
    return isinstance(tool.source, DebianPackage) and Path(f"/var/lib/dpkg/info/{tool.source.package}.list").exists()
