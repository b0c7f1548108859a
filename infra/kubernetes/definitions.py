"""The custom resource definitions that the gateway needs, out of all that Contour ships."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from infra.settings.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

# Kinds that Contour watches with the features below switched off.
NEEDED = (
    "contourconfigurations",
    "extensionservices",
    "gatewayclasses",
    "gateways",
    "httpproxies",
    "httproutes",
    "referencegrants",
    "tlscertificatedelegations",
)
# What no route here uses: neither defined, nor watched, nor in Contour's rights.
DISABLED_FEATURES = ("backendtlspolicies", "grpcroutes", "tcproutes", "tlsroutes")

# Contour's own kinds: it watches them, and nobody here writes one but the last, which names the collector of traces.
_CONTOURS = ".projectcontour.io"
_WRITTEN = "extensionservices"
_ANYTHING = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}

_NAME = re.compile(r"^  name: (\w+)\.", re.MULTILINE)


def read(folder: Path) -> list[dict[str, Any]]:
    """Read the needed definitions, less what nobody here needs of them.

    Most of a definition are descriptions, for `kubectl explain`, and versions that are served beside the stored one;
    what the fields of a kind may hold matters only where one is written. Every preview would carry all that through
    the engine, the provider and the rules, and every checkpoint store it.

    Args:
        folder: holds the YAML files of Contour's module, `.tools/share/contour`.

    Returns:
        The definitions, ordered by name.

    Raises:
        SettingsError: one of them is in no file of the folder.
    """
    found = dict[str, dict[str, Any]]()
    for file in folder.glob("*.yaml"):
        for document in re.split(r"^---$", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            name = _NAME.search(document)
            if name is not None and name[1] in NEEDED:
                found[name[1]] = _slim(yaml.load(document, Loader=yaml.CSafeLoader))
    if missing := [name for name in NEEDED if name not in found]:
        raise SettingsError(
            f"no definition of {', '.join(missing)} in {folder}; `make tools` puts Contour's definitions there"
        )
    return [found[name] for name in NEEDED]


def _slim(definition: dict[str, Any]) -> dict[str, Any]:
    stored = [version for version in definition["spec"]["versions"] if version["storage"]]
    name: str = definition["metadata"]["name"]
    if name.endswith(_CONTOURS) and not name.startswith(_WRITTEN):
        stored = [{**version, "schema": _ANYTHING} for version in stored]
    slim = {**definition, "spec": {**definition["spec"], "versions": stored}}
    # Written by the API server alone.
    slim.pop("status", None)
    return _without_descriptions(slim)


def _without_descriptions(node: Any) -> Any:  # noqa: ANN401  # YAML is anything
    if isinstance(node, dict):
        # A property may itself be called description; only a text is one.
        return {
            key: _without_descriptions(value)
            for key, value in node.items()  # pyright: ignore[reportUnknownVariableType]  # YAML is anything
            if not (key == "description" and isinstance(value, str))
        }
    return [_without_descriptions(item) for item in node] if isinstance(node, list) else node  # pyright: ignore[reportUnknownVariableType]  # as above
