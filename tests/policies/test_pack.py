"""What the engine sends is read as plain data, unknowns and secrets in their places."""

from __future__ import annotations

from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.proxy import UNKNOWN_ARRAY_VALUE, UNKNOWN_STRING_VALUE

from policies.node import UNKNOWN, Secret
from policies.pack import plain


def test_sentinels_become_unknown_at_any_depth() -> None:
    """The engine's stand-ins for unknown values never reach a rule as text."""
    sent = {"image": UNKNOWN_STRING_VALUE, "ports": UNKNOWN_ARRAY_VALUE, "list": [{"a": UNKNOWN_STRING_VALUE}]}
    assert plain(sent) == {"image": UNKNOWN, "ports": UNKNOWN, "list": [{"a": UNKNOWN}]}


def test_secrets_stay_marked() -> None:
    """A rule can tell a secret from a setting, an unknown secret included."""
    secret = {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": "hunter2"}
    assert plain({"a": secret}) == {"a": Secret("hunter2")}
    assert plain({**secret, "value": UNKNOWN_STRING_VALUE}) == Secret(UNKNOWN)
    assert "hunter2" not in repr(plain(secret))


def test_whole_numbers_are_integers() -> None:
    """The wire knows floating-point numbers alone; a weight of 80 is an integer again."""
    read = plain({"weight": 80.0, "ratio": 0.5, "on": True})
    assert read == {"weight": 80, "ratio": 0.5, "on": True}
    assert isinstance(read, dict)
    assert isinstance(read["weight"], int)
    assert read["on"] is True
