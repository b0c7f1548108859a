"""What stops a drill."""


class DrillError(Exception):
    """The message says what was wrong, where, and what to do."""
