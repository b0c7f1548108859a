"""The pure functions of the program: quantities and names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import naming, quantities

NAMES = st.from_regex(settings_name := re.compile(r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?"), fullmatch=True)


@pytest.mark.parametrize(("quantity", "expected"), [("1", 1000), ("0.5", 500), ("250m", 250), ("2.25", 2250)])
def test_cpu_quantities_are_thousandths(quantity: str, expected: int) -> None:
    """CPU is counted in thousandths, as Kubernetes does."""
    assert quantities.millis(quantity) == expected


@pytest.mark.parametrize(("quantity", "expected"), [("512Mi", 512), ("2Gi", 2048)])
def test_memory_quantities_are_mebibytes(quantity: str, expected: int) -> None:
    """Memory is counted in MiB."""
    assert quantities.mebibytes(quantity) == expected


@given(service=NAMES, slot=st.sampled_from(["stable", "candidate", "blue", "green"]))
def test_slot_names_are_dns_labels(service: str, slot: str) -> None:
    """A slot's objects, and the pods of its Deployment, have names that Kubernetes takes."""
    name = naming.slot_name(service, slot)
    pod = f"{name}-7d4b9c8f6d-x2x7k"
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", pod)
    assert len(pod) <= 63


def test_selectors_are_part_of_the_labels() -> None:
    """What a selector asks for, every object of that name has."""
    assert naming.selector("envoy").items() <= naming.labels("envoy", "prod").items()
