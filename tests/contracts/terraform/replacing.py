"""Which changes replace a resource: asked of the real provider, one argument at a time, in one plan."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.standin.table import specs
from tests.contracts.terraform.imagined import imagine
from tests.contracts.terraform.resolving import instances
from tests.contracts.terraform.trials import Trial, trials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.contracts.terraform.terraform import Terraform
    from tests.contracts.terraform.world import World

# A refused value is followed by another; what is still refused then stays without a verdict.
ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What the provider said.

    Attributes:
        replaces: by Pulumi type and dotted path, whether a change replaces.
        undecided: why nothing is known, where the provider was asked in vain.
    """

    replaces: Mapping[tuple[str, str], bool]
    undecided: Mapping[tuple[str, str], str]

    @property
    def asked(self) -> set[tuple[str, str]]:
        """What the provider was asked about."""
        return {*self.replaces, *self.undecided}


def table() -> dict[str, tuple[str, ...]]:
    """The stand-in's: the dotted paths of each Pulumi type whose change replaces."""
    return {token: tuple(spec.replaces) for token, spec in specs("aws").items()}


def judge(world: World, state: Mapping[str, Any], folder: Path) -> Verdicts:
    """Ask the provider about every argument that the program gives, and every one that the table names.

    Args:
        world: the stacks, and where the provider learns its account.
        state: after they were applied.
        folder: an empty one.
    """
    known = instances(state)
    known |= imagine(world, known)
    everything = {f"t{number:04}": trial for number, trial in enumerate(trials(world, known, table()))}
    pending = dict(everything)
    terraform = world.terraform(folder, providers={trial.declared.provider for trial in everything.values()})
    rounds = 0
    while refusals := _ask(terraform, pending, state, known):
        rounds += 1
        for label, refusal in refusals.items():
            if not pending[label].follow(refusal) or rounds > ROUNDS:
                del pending[label]
                (folder / f"{label}.tf.json").unlink()
    _read(terraform.planned(), pending)
    return _verdicts(everything, pending)


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
    document: dict[str, Any] = {**state, "lineage": str(uuid.uuid4()), "resources": resources, "check_results": None}
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
    # What the plan would replace with nothing changed is a quirk of moto: no change says anything about it.
    anyway = {trial.declared.token: trial.replaced_by for trial in everything.values() if not trial.path}
    replaces: dict[tuple[str, str], bool] = {}
    undecided: dict[tuple[str, str], str] = {}
    for label, trial in everything.items():
        key = (trial.declared.token, ".".join(trial.path))
        if not trial.path:
            continue
        if label not in judged:
            undecided[key] = trial.refusal
        elif any(map(trial.concerns, anyway[trial.declared.token])):
            undecided[key] = "the plan replaces the resource for it with nothing changed"
        else:
            replaces[key] = any(map(trial.concerns, trial.replaced_by))
    return Verdicts(replaces=replaces, undecided=undecided)
