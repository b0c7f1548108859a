"""Which version a program says it has, and whether that one will do."""

import re

from packaging.specifiers import SpecifierSet
from packaging.version import Version

_NUMBER = re.compile(r"(?<![\w.])(?:v|go)?(\d+\.\d+(?:\.\d+)?)(?![\d.]*\.\d)")


def version_in(text: str) -> str | None:
    """Return the first version number in a program's output (`v1.35.0` gives `1.35.0`), or None."""
    found = _NUMBER.search(text)
    return found.group(1) if found else None


def fits(version: str, accept: str) -> bool:
    """Tell whether a version is one of those that a PEP 440 specifier allows; an empty one allows all."""
    return Version(version) in SpecifierSet(accept)
