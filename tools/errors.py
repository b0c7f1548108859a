"""The one error of this package."""


class ToolError(Exception):
    """What went wrong with a tool, as sentences for the person who ran the command."""
