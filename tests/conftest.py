"""What holds for every test."""

from hypothesis import settings

# No example fails for being slow: a busy machine is no fault of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
