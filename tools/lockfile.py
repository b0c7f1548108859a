"""Reads single requirements, with their hashes, out of a lock file."""

import re
from pathlib import Path

from tools.errors import ToolError


def requirement(lock: Path, package: str) -> str:
    r"""Return the lines of one package: `name==version \` and its hashes.

    Raises:
        ToolError: the lock file does not name the package.
    """
    found = re.search(rf"^{re.escape(package)}==(?:.*\\\n)*.*", lock.read_text(), re.MULTILINE)
    if not found:
        raise ToolError(f"{lock.name} does not name {package}: add it to the group `tools` and run `make lock`")
    return found.group(0) + "\n"
