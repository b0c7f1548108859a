"""The order in which a stack needs its parts."""

from __future__ import annotations

from tests.infra.stacks import declare


def test_an_image_is_built_when_its_repository_is_there() -> None:
    """The first update of a stack that builds pushes to a repository that it has just made, not before."""
    types = [each.type for each in declare("dev")]
    assert types.index("aws:ecr/repository:Repository") < types.index("docker-build:index:Image")
