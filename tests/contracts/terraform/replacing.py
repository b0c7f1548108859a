"""Which changes replace a resource: asked of the real provider, one argument at a time, in one plan."""

from __future__ import annotations

import copy
import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from rehearsal.standin.table import specs
from tests.contracts.terraform import on_moto
from tests.contracts.terraform.other_values import allowed, others
from tests.contracts.terraform.resolving import UnresolvedError, instances, resolve
from tests.contracts.terraform.terraform import Terraform
from tests.contracts.terraform.translation import configuration, provider
from tests.contracts.terraform.values import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.contracts.terraform.contract import Clouds
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.mirror import Installation
    from tests.contracts.terraform.recording import Declared, Program
    from tests.contracts.terraform.schema import Block, Schema, Type

# A refused value is followed by another; what is still refused then stays without a verdict.
ROUNDS = 4
CONFLICT = re.compile(r"conflicts with|only one of")


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
    type: Type
    present: Any
    values: list[Any]
    refusal: str = ""
    replaced_by: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def changed(self) -> dict[str, Any]:
        """The arguments after the change."""
        body = copy.deepcopy(self.body)
        if not self.names:
            return body
        inner: Any = body
        for name in self.names[:-1]:
            inner = inner.setdefault(name, {})
            inner = inner[0] if isinstance(inner, list) else inner
        inner[self.names[-1]] = literal(self.values[0])
        # A prefix excludes the whole name.
        inner.pop(self.names[-1].removesuffix("_prefix") if self.names[-1].endswith("_prefix") else None, None)
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
            others = {name for name in re.findall(r"\w+", refusal) if name in self.body} - {self.names[0]}
            self.body = {name: value for name, value in self.body.items() if name not in others}
            return bool(others)
        del self.values[0]
        self.values += [value for value in allowed(refusal, self.present, self.type) if value not in self.values]
        return bool(self.values)

    @property
    def replaces(self) -> bool:
        """Whether the change of this argument replaces the resource."""
        size = len(self.names)
        return any(path[:size] == self.names or path == self.names[: len(path)] for path in self.replaced_by)


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What the provider said.

    Attributes:
        replaces: by Pulumi type and dotted path, whether a change replaces.
        undecided: the provider's last refusal, where it took no value.
    """

    replaces: Mapping[tuple[str, str], bool]
    undecided: Mapping[tuple[str, str], str]


def table() -> dict[str, tuple[str, ...]]:
    """The stand-in's: the dotted paths of each Pulumi type whose change replaces."""
    return {token: tuple(spec.replaces) for token, spec in specs("aws").items()}


def judge(  # noqa: PLR0913  # the run's parts, each named
    programs: Sequence[Program],
    state: Mapping[str, Any],
    *,
    clouds: Clouds,
    schema: Schema,
    facts: Facts,
    installation: Installation,
    folder: Path,
) -> Verdicts:
    """Ask the provider about every argument that the program gives, and every one that the table names.

    Args:
        programs: the stacks; each type is tried on its first resource.
        state: after they were applied.
        clouds: where the provider learns its account.
        schema: the provider's.
        facts: what is known of both major versions.
        installation: Terraform.
        folder: an empty one.
    """
    known = instances(state)
    first = _first(programs, known)
    pending: dict[str, Trial] = {}
    paths = table()
    bodies = _bodies(programs, schema, facts)
    for declared in first.values():
        for trial in _trials(declared, bodies[declared.address], paths.get(declared.token, ()), known, schema):
            pending[f"t{len(pending):04}"] = trial
    everything = dict(pending)

    terraform = Terraform(installation, folder)
    used = {trial.declared.provider for trial in pending.values()}
    providers = [
        provider(program, name, clouds.access(program.stack))
        for program in programs
        for name in program.providers
        if name in used
    ]
    terraform.write("providers", {"provider": {"aws": providers}})
    terraform.init()
    tries = 0
    while refusals := _ask(terraform, pending, state, known):
        tries += 1
        for label, refusal in refusals.items():
            if not pending[label].follow(refusal) or tries > ROUNDS:
                del pending[label]
                (folder / f"{label}.tf.json").unlink()
    _read(terraform.planned(), pending)
    return _verdicts(everything, pending)


def _first(programs: Sequence[Program], known: Mapping[str, Any]) -> dict[str, Declared]:
    found: dict[str, Declared] = {}
    for program in programs:
        for declared in program.resources:
            if declared.address in known:
                found.setdefault(declared.token, declared)
    return found


def _bodies(programs: Sequence[Program], schema: Schema, facts: Facts) -> dict[str, dict[str, Any]]:
    """What was applied, by address."""
    return {
        f"{type_}.{label}": body
        for program in programs
        for type_, labels in on_moto.adapt(configuration(program, schema, facts), facts)["resource"].items()
        for label, body in labels.items()
    }


def _trials(
    declared: Declared, applied: Mapping[str, Any], paths: Sequence[str], known: Mapping[str, Any], schema: Schema
) -> Iterator[Trial]:
    block = schema.resource(declared.type)
    try:
        body = resolve({name: value for name, value in applied.items() if name != "depends_on"}, known)
    except UnresolvedError:
        return
    yield Trial(declared=declared, path=(), names=(), body=body, type=None, present=None, values=[])
    attributes = known[declared.address]["instances"][0]["attributes"]
    for path in dict.fromkeys([*(tuple(each.split(".")) for each in paths), *((name,) for name in declared.inputs)]):
        names, type_ = _follow(path, block)
        if names:
            present = _at(attributes, names)
            if values := list(others(present, type_, names[-1])):
                yield Trial(
                    declared=declared, path=path, names=names, body=body, type=type_, present=present, values=values
                )


def _follow(path: Sequence[str], block: Block) -> tuple[tuple[str, ...], Type]:
    """Terraform's names along a path, and the type at its end; no names if the older provider has none there."""
    names: list[str] = []
    for index, step in enumerate(path):
        name = block.by_spelling.get(step.lower(), "")
        names.append(name)
        if name in block.blocks:
            block = block.blocks[name].block
        elif name and index == len(path) - 1 and block.attributes[name].settable:
            return tuple(names), block.attributes[name].type
        else:
            return (), None
    return (), None


def _at(attributes: Any, names: Sequence[str]) -> Any:  # noqa: ANN401  # JSON
    found = attributes
    for name in names:
        if isinstance(found, list):
            found = cast("list[Any]", found)[0] if found else {}
        found = (found or {}).get(name)
    return found


def _ask(
    terraform: Terraform, trials: Mapping[str, Trial], state: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, str]:
    """Plan all trials; returns the refusals by label."""
    resources: list[dict[str, Any]] = []
    for label, trial in trials.items():
        terraform.write(label, {"resource": {trial.declared.type: {label: trial.changed()}}})
        instance = {
            key: value for key, value in known[trial.declared.address]["instances"][0].items() if key != "dependencies"
        }
        resources.append({**known[trial.declared.address], "name": label, "instances": [instance]})
    document = {**state, "lineage": str(uuid.uuid4()), "resources": resources, "outputs": {}, "check_results": None}
    (terraform.folder / "terraform.tfstate").write_text(json.dumps(document), encoding="utf-8")
    return {each.file.removesuffix(".tf.json"): each.text for each in terraform.plan("-refresh=false")}


def _read(plan: Mapping[str, Any], trials: Mapping[str, Trial]) -> None:
    for change in plan["resource_changes"]:
        if change["name"] in trials:
            paths = change["change"].get("replace_paths", [])
            trials[change["name"]].replaced_by = [
                tuple(step for step in path if isinstance(step, str)) for path in paths
            ]


def _verdicts(everything: Mapping[str, Trial], judged: Mapping[str, Trial]) -> Verdicts:
    # What a plan would replace with nothing changed: a quirk of moto, and no answer.
    anyway = {trial.declared.token: trial.replaced_by for trial in everything.values() if not trial.path}
    replaces: dict[tuple[str, str], bool] = {}
    undecided: dict[tuple[str, str], str] = {}
    for label, trial in everything.items():
        if not trial.path:
            continue
        key = (trial.declared.token, ".".join(trial.path))
        if label not in judged:
            undecided[key] = trial.refusal
            continue
        trial.replaced_by = [path for path in trial.replaced_by if path not in anyway[trial.declared.token]]
        replaces[key] = trial.replaces
    return Verdicts(replaces=replaces, undecided=undecided)
