"""The one error that a user sees."""


class BuildError(Exception):
    """A version that cannot be built or shown; the message says what is wrong, where, and what to do."""
