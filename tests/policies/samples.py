"""The samples of the rules: Kubernetes manifests and image builds that a rule allows, forbids or cannot judge yet.

A file is a stack. A document is a Kubernetes manifest, or ``type``, ``name`` and ``properties`` of another resource.
``!unknown`` stands for a value that the update will tell, ``!secret text`` for one that Pulumi keeps encrypted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from policies.__main__ import RULES
from policies.node import UNKNOWN, Secret
from policies.rule import Resource, Rule, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parent
SIDES: Final = {"allowed": Verdict.PASS, "disallowed": Verdict.FAIL, "undecided": Verdict.UNDECIDED}


class _Loader(yaml.SafeLoader):
    """Plain YAML and the two tags."""


def _secret(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Secret:
    return Secret(loader.construct_scalar(node))


def _unknown(_loader: yaml.SafeLoader, _node: yaml.Node) -> object:
    return UNKNOWN


_Loader.add_constructor("!unknown", _unknown)
_Loader.add_constructor("!secret", _secret)


@dataclass(frozen=True)
class Sample:
    """A sample file of a rule.

    Attributes:
        rule: the rule that it is about.
        side: ``allowed``, ``disallowed`` or ``undecided``.
        path: the file.
    """

    rule: Rule
    side: str
    path: Path

    def __str__(self) -> str:
        """For pytest's list of tests."""
        return f"{self.rule.name}-{self.side}-{self.path.stem}"

    def resources(self) -> list[Resource]:
        """Its documents as resources."""
        documents: list[dict[str, Any]] = list(yaml.load_all(self.path.read_text(), _Loader))
        return [_resource(document) for document in documents]


def all_samples(*sides: str) -> list[Sample]:
    """Every sample of the rules on these sides, all if none is named."""
    return [
        Sample(rule, side, path)
        for rule in RULES
        for side in sides or SIDES
        for path in sorted((ROOT / rule.name / side).glob("*.yaml"))
    ]


def verdict(rule: Rule, resources: Sequence[Resource]) -> Verdict | None:
    """The worst of a rule's verdicts on a stack; None if it has nothing to say."""
    verdicts = {finding.verdict for finding in rule.judge(resources)}
    return next((each for each in (Verdict.FAIL, Verdict.UNDECIDED, Verdict.PASS) if each in verdicts), None)


def _resource(document: dict[str, Any]) -> Resource:
    if "apiVersion" not in document:
        return Resource(type=document["type"], name=document["name"], properties=document["properties"])
    version = document["apiVersion"]
    token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{document['kind']}"
    return Resource(type=token, name=document["metadata"]["name"], properties=document)
