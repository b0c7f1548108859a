"""Which versions are read, and which will do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.versions import fits, version_in

NUMBER = st.integers(min_value=0, max_value=9999)


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("etcd Version: 3.6.13\nGit SHA: none\nGo Version: go1.26.8\n", "3.6.13"),
        ("Kubernetes v1.35.0\n", "1.35.0"),
        ("buildkitd github.com/moby/buildkit v0.28.0 \n", "0.28.0"),
        ('time="2026-11-22T06:32:25Z" msg="maxprocs"\nversion: v1.33.8\n', "1.33.8"),
        ("envoy  version: 9e5580933739775e/1.40.0/Clean/RELEASE/BoringSSL\n", "1.40.0"),
        ("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n", "1.6.20"),
        ("CoreDNS-1.12.4\nlinux/amd64, go1.26.8,\n", "1.12.4"),
        ("go version go1.26.8 linux/amd64\n", "1.26.8"),
        ("v3.260.0-alpha.1\n", "3.260.0"),
        ("listening on 127.0.0.1:8080\n", None),
        ("", None),
    ],
)
def test_reads_what_the_tools_print(output: str, version: str | None) -> None:
    """Every pinned tool's own way of printing its version is understood; an address is not a version."""
    assert version_in(output) == version


@given(NUMBER, NUMBER, NUMBER, st.sampled_from(["", "v", "go"]))
def test_finds_any_version_in_a_sentence(major: int, minor: int, patch: int, prefix: str) -> None:
    """A version is found whatever its numbers are."""
    assert version_in(f"tool {prefix}{major}.{minor}.{patch} (commit abc)") == f"{major}.{minor}.{patch}"


@pytest.mark.parametrize(
    ("version", "accept", "fit"),
    [
        ("3.259.0", ">=3.259,<4", True),
        ("3.300.1", ">=3.259,<4", True),
        ("3.258.9", ">=3.259,<4", False),
        ("4.0.0", ">=3.259,<4", False),
        ("1.26", ">=1.26", True),
        ("1.9.9", ">=1.26", False),
        ("0.0.1", "", True),
    ],
)
def test_fits_as_numbers_not_as_text(version: str, accept: str, *, fit: bool) -> None:
    """Versions are compared number by number, and an empty specifier takes any."""
    assert fits(version, accept) is fit
