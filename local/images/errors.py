"""The error type of this package."""


class PrepareError(Exception):
    """Something could not be prepared; the message says what, where, and what to do."""
