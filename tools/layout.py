"""Where things lie under `.tools/`."""

from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The folders that the recipe reads and writes; every path is absolute."""

    root: Path
    """`.tools` of the checkout."""
    modules: Path
    """The Go modules, one folder a tool."""
    requirements: Path
    """The lock file, with hashes, of the tools that PyPI carries."""

    @property
    def bin(self) -> Path:
        """Every executable, or a link to it."""
        return self.root / "bin"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder, with the provider plugins."""
        return self.root / "pulumi-home"

    @property
    def share(self) -> Path:
        """Manifests that come with the tools."""
        return self.root / "share"

    @property
    def pypi(self) -> Path:
        """Packages from PyPI, one folder a tool."""
        return self.root / "pypi"

    @property
    def logs(self) -> Path:
        """The output of each tool's last build."""
        return self.root / "logs"

    @property
    def stamps(self) -> Path:
        """What was made, by which recipe."""
        return self.root / "stamps"

    @property
    def scratch(self) -> Path:
        """Half-made things; whatever lies here when a build starts was left by one that was cut off."""
        return self.root / "tmp"

    @property
    def lock(self) -> Path:
        """Held by the one build that may write."""
        return self.root / "lock"


def default_layout() -> Layout:
    """Return the layout of this checkout."""
    return Layout(
        root=CHECKOUT / ".tools",
        modules=CHECKOUT / "tools" / "go",
        requirements=CHECKOUT / "requirements" / "tools.txt",
    )
