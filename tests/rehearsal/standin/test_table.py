"""The tables of types: complete, and in the SDK's own words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.standin.sdk import Sdk
from rehearsal.standin.shapes import Arguments, Block, Either, ListOf, MapOf, Shape
from rehearsal.standin.table import Spec, specs

ROOT = Path(__file__).parents[3]
SPECS = [*specs("aws").values(), *specs("docker-build").values()]
SDKS = {"aws": Sdk("pulumi_aws"), "docker-build": Sdk("pulumi_docker_build")}


def _sdk(spec: Spec) -> Sdk:
    return SDKS[spec.token.partition(":")[0]]


def _blocks(shape: Shape) -> Iterator[Block | MapOf]:
    """Yield the nested objects that a shape may be."""
    match shape:
        case Block() | MapOf():
            yield shape
        case ListOf(item):
            yield from _blocks(item)
        case Either(shapes):
            for member in shapes:
                yield from _blocks(member)
        case _:
            pass


def _has(sdk: Sdk, arguments: Arguments, path: str) -> bool:
    """Tell whether a dotted path exists in the arguments."""
    name, _, inner = path.partition(".")
    if name not in arguments:
        return False
    if not inner:
        return True
    return any(
        isinstance(block, MapOf) or _has(sdk, sdk.fields(block), inner) for block in _blocks(arguments[name].shape)
    )


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.token)
def test_every_type_is_one_of_the_sdk(spec: Spec) -> None:
    """The stand-in knows no type that the pinned SDK lacks, and reads arguments for each."""
    assert _sdk(spec).resource(spec.token).arguments


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.token)
def test_every_output_of_the_sdk_has_a_value(spec: Spec) -> None:
    """What a program can read from a resource exists after an update."""
    shape = _sdk(spec).resource(spec.token)
    from_elsewhere = {"tagsAll", "masterUserSecrets", "domainValidationOptions"} | shape.secrets - {"secret"}
    made = {path.partition(".")[0] for path in spec.outputs}
    assert set(shape.outputs) - made - from_elsewhere == set()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.token)
def test_every_property_of_the_tables_exists(spec: Spec) -> None:
    """A property that the tables name is an argument of the SDK (an output may also be an output alone)."""
    sdk = _sdk(spec)
    shape = sdk.resource(spec.token)
    paths = [
        *spec.replaces,
        *spec.computed,
        *spec.allowed,
        *spec.defaults,
        *([spec.autoname] if spec.autoname else []),
    ]
    assert [path for path in paths if not _has(sdk, shape.arguments, path)] == []
    own = [path.partition(".")[0] for path in spec.outputs]
    assert [name for name in own if name not in shape.arguments and name not in shape.outputs] == []


def test_every_type_says_what_replaces_it() -> None:
    """The table of replacing properties covers every type that the stand-in knows."""
    text = (ROOT / "rehearsal/standin/replacing.toml").read_text()
    listed = set(re.findall(r'^\["([^"]+)"\]$', text, re.MULTILINE))
    assert listed == {spec.token for spec in SPECS}


def test_the_program_uses_known_types_and_functions() -> None:
    """Every AWS resource that infra/ creates is known, so that a rehearsal ends in no refusal."""
    text = "\n".join(path.read_text() for path in (ROOT / "infra").rglob("*.py"))
    used = set(re.findall(r"\baws\.(\w+\.[A-Z]\w+)\(", text))
    modules = {name.partition(".")[0] for name in used}
    known = {f"{token.split(':')[1].split('/')[0]}.{token.split(':')[2]}" for token in specs("aws")}
    resources = {name for name in used if not name.endswith("Args")}
    assert modules
    assert resources - known == set()
