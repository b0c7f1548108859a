"""``python -m tests.contracts.terraform``: run the contract, and write what it found into docs/aws-contract.md."""

import os
import sys
from pathlib import Path

import pytest

from tests.contracts.terraform.report import RENEW

if __name__ == "__main__":
    os.environ[RENEW] = "1"
    sys.exit(pytest.main(["-q", "-m", "contract", str(Path(__file__).parent)]))
