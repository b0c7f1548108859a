"""What a rehearsal tells the stand-in."""

import json
from pathlib import Path

import pytest

from rehearsal.standin.told import VARIABLE, NotToldError, Told, read

GOOD = {
    "account": "111122223333",
    "endpoint": "https://127.0.0.1:6443",
    "certificate_authority": "Q0E=",
    "node_groups": "/tmp/groups",  # noqa: S108 never written
}


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """Account, endpoint, certificate authority and folder come from the file that the variable names."""
    file = tmp_path / "told.json"
    file.write_text(json.dumps(GOOD))
    assert read({VARIABLE: str(file)}) == Told(**{**GOOD, "node_groups": Path(GOOD["node_groups"])})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("{", "Expecting"),
        ("[]", "a JSON object is wanted"),
        (json.dumps({**GOOD, "more": "x"}), "more"),
        (json.dumps({key: value for key, value in GOOD.items() if key != "endpoint"}), "endpoint"),
        (json.dumps({**GOOD, "endpoint": 6443}), "endpoint"),
        (json.dumps({**GOOD, "account": "12"}), "twelve digits"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, content: str | None, said: str) -> None:
    """Whatever is wrong with the file is said in one line."""
    file = tmp_path / "told.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NotToldError, match=said) as refused:
        read({VARIABLE: str(file)})
    assert "\n" not in str(refused.value)


def test_outside_a_rehearsal_it_does_not_serve() -> None:
    """Without the variable the plugin says that it serves rehearsals only."""
    with pytest.raises(NotToldError, match="serves rehearsals only"):
        read({})
