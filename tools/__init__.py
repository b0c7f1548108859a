"""Finds the pinned tools on PATH, or builds and installs them into `.tools/`.

`python -m tools` is the command; `environment()` is what a caller adds to a child's environment to use them.
"""

from tools.environment import environment
from tools.errors import ToolError

__all__ = ["ToolError", "environment"]
