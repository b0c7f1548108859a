"""The document says what the run found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.contracts.terraform import report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contracts.terraform.contract import Outcome
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.replacing import Verdicts

pytestmark = [pytest.mark.contract, pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_the_document_says_what_was_found(
    programs: Sequence[Program], outcome: Outcome, verdicts: Verdicts, known: Facts
) -> None:
    """The tables of docs/aws-contract.md are this run's: `python -m tests.contracts.terraform` renews them."""
    found = report.figures(programs, outcome, verdicts, known)
    if os.environ.get(report.RENEW):
        report.write(found)
    assert report.written() == found
