from __future__ import annotations

from typing import TYPE_CHECKING

from drill.answers import Answer, AnswerFile, between, by_version, not_of, parse, quantile

if TYPE_CHECKING:
    from pathlib import Path


def _answer(*, at: float = 0.0, status: int = 200, version: str | None = "0.1.0", seconds: float = 0.01) -> Answer:
    return Answer(at=at, seconds=seconds, status=status, slot="stable", version=version, bucket=None)


def test_a_line_is_read_as_it_was_written() -> None:
    """Also with an error of several lines."""
    answer = Answer(at=1.5, seconds=0.2, status=0, slot=None, version=None, bucket=7, error="no\nanswer")
    assert parse(answer.line()) == answer
    assert "\n" not in answer.line()


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    """What is not whole yet is read when it is."""
    path = tmp_path / "answers.jsonl"
    answers = AnswerFile(path)
    assert answers.read() == []
    line = _answer().line()
    path.write_text(f"{line}\n{line[:10]}")
    assert len(answers.read()) == 1
    path.write_text(f"{line}\n{line}\n")
    assert len(answers.read()) == 2


def test_failures_of_the_bad_version_are_its_own() -> None:
    """A failure without a pod's answer, or of another version, is a request that was lost."""
    answers = [
        _answer(),
        _answer(status=500, version="0.2.1-errors"),
        _answer(status=503, version=None),
        _answer(status=0, version=None),
        _answer(status=500, version="0.1.0"),
    ]
    assert not_of(answers, "0.2.1-errors") == answers[2:]
    assert not_of(answers, None) == answers[1:]
    assert by_version(answers) == {
        "0.1.0": {"requests": 2, "failed": 1},
        "0.2.1-errors": {"requests": 1, "failed": 1},
        "none": {"requests": 2, "failed": 2},
    }


def test_a_time_takes_its_begin_and_not_its_end() -> None:
    """Two times that follow each other share no answer."""
    answers = [_answer(at=float(second)) for second in range(4)]
    assert list(between(answers, 1, 3)) == answers[1:3]


def test_quantiles() -> None:
    """Half of the answers is faster than the median; of none there is no quantile."""
    answers = [_answer(seconds=float(number)) for number in range(1, 101)]
    assert quantile(answers, 0.5) == 51
    assert quantile(answers, 0.99) == 100
    assert quantile([], 0.5) is None
