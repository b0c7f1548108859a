"""Resources with one argument changed each."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.contracts.terraform import on_moto
from tests.contracts.terraform.other_values import allowed, others
from tests.contracts.terraform.resolving import UnresolvedError, resolve
from tests.contracts.terraform.values import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.contracts.terraform.recording import Declared
    from tests.contracts.terraform.schema import Block, Type
    from tests.contracts.terraform.world import World

CONFLICT = re.compile(r"conflicts with|only one of|cannot be specified when")


@dataclass(kw_only=True)
class Trial:
    """A resource with one argument changed; with none, what the plan shows all the same.

    Attributes:
        declared: the resource.
        path: Pulumi's names down to the argument; empty if nothing is changed.
        names: Terraform's.
        body: the arguments before the change, without references.
        type: of the argument, as the provider's schema writes it.
        present: its value before the change.
        values: what it is changed to, until the provider takes one.
        refusal: why the last value was refused.
        replaced_by: the paths by which the provider would replace the resource.
    """

    declared: Declared
    path: tuple[str, ...]
    names: tuple[str, ...]
    body: dict[str, Any]
    type: Type = None
    present: Any = None
    values: list[Any] = field(default_factory=list[Any])
    refusal: str = ""
    replaced_by: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def changed(self) -> dict[str, Any]:
        """The arguments after the change."""
        body = copy.deepcopy(self.body)
        if not self.names:
            return body
        inner, name = body, self.names[-1]
        for step in self.names[:-1]:
            block = inner.setdefault(step, {})
            inner = cast("dict[str, Any]", block[0] if isinstance(block, list) else block)
        inner[name] = literal(self.values[0])
        if name.endswith("_prefix"):
            # It excludes the whole name.
            inner.pop(name.removesuffix("_prefix"), None)
        return body

    def follow(self, refusal: str) -> bool:
        """Make what the provider refused into what it may take.

        Returns:
            False if nothing is left to try.
        """
        self.refusal = refusal
        if not self.values:
            return False
        if CONFLICT.search(refusal):
            # Arguments that exclude this one make way for it.
            excluding = {name for name in re.findall(r"\w+", refusal) if name in self.body} - {self.names[0]}
            self.body = {name: value for name, value in self.body.items() if name not in excluding}
            return bool(excluding)
        del self.values[0]
        self.values += [value for value in allowed(refusal, self.present, self.type) if value not in self.values]
        return bool(self.values)

    def concerns(self, path: tuple[str, ...]) -> bool:
        """Whether a path of the plan is this argument, what it is in, or something in it."""
        size = len(self.names)
        return path[:size] == self.names or path == self.names[: len(path)]


def trials(world: World, known: Mapping[str, Any], table: Mapping[str, Sequence[str]]) -> Iterator[Trial]:
    """One for each argument that the program gives or the table names, and one for each type with nothing changed.

    Args:
        world: the stacks; each type is tried on its first resource.
        known: what was applied, by address, as Terraform keeps it.
        table: dotted paths by Pulumi's type.
    """
    tried = set[str]()
    for program in world.programs:
        applied = on_moto.adapt(world.configuration(program), world.facts)["resource"]
        for declared in program.resources:
            if declared.address not in known or declared.token in tried:
                continue
            body = applied[declared.type][declared.label]
            try:
                body = resolve({name: value for name, value in body.items() if name != "depends_on"}, known)
            except UnresolvedError:
                continue
            tried.add(declared.token)
            yield Trial(declared=declared, path=(), names=(), body=body)
            attributes = known[declared.address]["instances"][0]["attributes"]
            paths = [*(tuple(each.split(".")) for each in table.get(declared.token, ())), *_paths(declared.inputs)]
            for path in dict.fromkeys(paths):
                names, type_ = _follow(path, world.schema.resource(declared.type))
                present = _at(attributes, names)
                if names and (values := list(others(present, type_, names[-1]))):
                    yield Trial(
                        declared=declared, path=path, names=names, body=body, type=type_, present=present, values=values
                    )


def _paths(inputs: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The paths to all arguments, also within objects and within the first of several objects."""
    for name, value in inputs.items():
        first: Any = cast("list[Any]", value)[0] if value and isinstance(value, list) else value
        yield (name,)
        if isinstance(first, Mapping):
            yield from ((name, *rest) for rest in _paths(cast("Mapping[str, Any]", first)))


def _follow(path: Sequence[str], block: Block) -> tuple[tuple[str, ...], Type]:
    """Terraform's names along a path, and the type at its end; no names if no value is there."""
    names: list[str] = []
    for index, step in enumerate(path):
        name = block.by_spelling.get(step.lower(), "")
        names.append(name)
        if name in block.blocks:
            block = block.blocks[name].block
        elif name and index == len(path) - 1 and block.attributes[name].settable:
            return tuple(names), block.attributes[name].type
        else:
            break
    return (), None


def _at(attributes: Any, names: Sequence[str]) -> Any:  # noqa: ANN401  # JSON
    """The value at the end of a path; of several blocks, in the first."""
    found = attributes
    for name in names:
        first: Any = (cast("list[Any]", found) or [{}])[0] if isinstance(found, list) else found
        found = cast("dict[str, Any]", first or {}).get(name)
    return found
