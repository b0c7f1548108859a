"""Specs and the data that they name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_build.data import Example, read_examples, split
from model_build.errors import BuildError
from model_build.spec import find_spec, known_specs, read_spec, spec_path

ROOT = Path(__file__).parents[2]
SENTIMENT = spec_path("sentiment", "0.1.0", root=ROOT)


def _changed(tmp_path: Path, before: str, after: str) -> Path:
    text = SENTIMENT.read_text(encoding="utf-8")
    assert before in text
    path = spec_path("sentiment", "0.1.0", root=tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return path


def test_every_spec_is_right() -> None:
    """Each committed spec can be read and describes the version that its place says."""
    assert known_specs(root=ROOT)
    for service, version in known_specs(root=ROOT):
        find_spec(service, version, root=ROOT)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("epochs = 2", "epochs = 0", "training.epochs = 0: input should be greater than or equal to 1"),
        ("epochs = 2", 'epochs = "two"', "training.epochs = 'two': input should be a valid integer"),
        ("epochs = 2", "epoch = 2", "training.epoch: unknown key; allowed: batch_size, dropout, epochs"),
        ("max_tokens = 256", "", "max_tokens: missing"),
        ('task = "text-classification"', 'task = "magic"', "task = 'magic': input should be 'text-classification'"),
        ('"negative", "positive"', '"same", "same"', "labels: the two must differ"),
        ('sha256 = "', 'sha256 = "X', "encoder.sha256 = "),
        ("[encoder]", "[encoder", "is no TOML"),
        ('service = "sentiment"', 'service = "other"', "describes other 0.1.0; rename it or correct its keys"),
    ],
)
def test_a_wrong_spec_is_answered_with_file_key_and_rule(tmp_path: Path, before: str, after: str, message: str) -> None:
    """Each mistake is named with the file, the full key, the value and what is allowed."""
    path = _changed(tmp_path, before, after)
    with pytest.raises(BuildError) as caught:
        find_spec("sentiment", "0.1.0", root=tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """One line for each."""
    path = _changed(tmp_path, "epochs = 2\nbatch_size = 32", "epochs = 0\nbatch_size = 0")
    with pytest.raises(BuildError) as caught:
        read_spec(path)
    assert len(str(caught.value).splitlines()) == 2


def test_a_version_without_a_spec_is_answered_with_the_known_ones() -> None:
    """The error names the versions that have a spec and the file to write."""
    with pytest.raises(
        BuildError, match=r"sentiment 9\.9\.9 has no spec; known: .*sentiment 0\.1\.0.*; to add"
    ) as caught:
        find_spec("sentiment", "9.9.9", root=ROOT)
    assert str(spec_path("sentiment", "9.9.9", root=ROOT)) in str(caught.value)


def test_labels_come_from_the_sign_of_the_mean() -> None:
    """Texts near zero and texts seen before are left out."""
    raw = b"1\t2.5\tgood\r\n2\t-0.6\tbad\r\n3\t0.4\tso so\r\n4\t-3\tgood\r\n5\t0.5\tfair\r\n"
    assert read_examples(raw, neutral_below=0.5) == [Example("good", 1), Example("bad", 0), Example("fair", 1)]


def test_a_mean_of_zero_has_no_label() -> None:
    """Not even where nothing else is left out."""
    assert read_examples(b"1\t0.0\tnothing\r\n", neutral_below=0.0) == []


@pytest.mark.parametrize(
    ("raw", "message"), [(b"1\t2\n", "line 1: 2 fields where 3"), (b"1\t2\tx\n2\tmuch\ty", "line 2: the rating 'much'")]
)
def test_a_line_of_another_form_is_named(raw: bytes, message: str) -> None:
    """The error says which line."""
    with pytest.raises(BuildError, match=message):
        read_examples(raw, neutral_below=0.5)


@given(texts=st.lists(st.text(), unique=True, min_size=52, max_size=80), data=st.data())
def test_the_split_depends_on_the_texts_alone(texts: list[str], data: st.DataObject) -> None:
    """No text is on both sides, and the order of the file changes nothing."""
    source = read_spec(SENTIMENT).spec.data.model_copy(update={"held_out": 50})
    examples = [Example(text, len(text) % 2) for text in texts]
    first = split(examples, source)
    assert split(data.draw(st.permutations(examples)), source) == first
    assert len(first.held_out) == 50
    assert set(first.train) | set(first.held_out) == set(examples)
    assert not set(first.train) & set(first.held_out)


def test_nothing_left_to_train_on_is_an_error() -> None:
    """The error names the key and the number of texts."""
    source = read_spec(SENTIMENT).spec.data
    with pytest.raises(BuildError, match=r"data\.held_out = 2000: only 1 texts"):
        split([Example("good", 1)], source)
