"""The settings of a stack: the only reader of ``Pulumi.<stack>.yaml``.

Every model is frozen and strict: an unknown key, a number written as text or a value out of range is an error that
names the file, the line, the key, the value and what is allowed (:mod:`infra.settings_errors`). Nothing here imports
Pulumi's provider SDKs, so that commands and editors can check a stack file in milliseconds.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from infra import quantities, settings_errors
from infra.settings_errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROJECT = "inferstack"

# RFC 1123 label, short enough that `<service>-<slot>` plus a ReplicaSet's suffix still is one.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$")]
SemanticVersion = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")]
DigestReference = Annotated[str, StringConstraints(pattern=r"^[^\s@]+@sha256:[0-9a-f]{64}$")]
CpuQuantity = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]*m|[1-9][0-9]*(\.[0-9]+)?|0\.[0-9]*[1-9])$")]
MemoryQuantity = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(Mi|Gi)$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class EmbeddedCluster(_Model):
    """The cluster that ``python -m local up`` runs on this machine."""

    kind: Literal["embedded"]
    gpus: Annotated[int, Field(ge=0, le=64)] = Field(default=2, description="Simulated nvidia.com/gpu on the node.")


class ClusterImages(_Model):
    """Images that an existing cluster pulls, and the registry that the serving image is pushed to."""

    registry: str = Field(description="Repository prefix, for example ghcr.io/acme.")
    base: DigestReference = Field(description="Base image of the serving image: Debian 12 with Python 3.11.")
    contour: DigestReference
    envoy: DigestReference


class ExistingCluster(_Model):
    """Any cluster that a kubeconfig context names: kind, minikube, a cloud's."""

    kind: Literal["existing"]
    context: str = Field(description="Name of the context in the kubeconfig.")
    kubeconfig: str | None = Field(default=None, description="Its path; by default $KUBECONFIG or ~/.kube/config.")
    images: ClusterImages


Cluster = Annotated[EmbeddedCluster | ExistingCluster, Field(discriminator="kind")]


class Gateway(_Model):
    """Where traffic enters."""

    address: str = Field(default="127.0.0.1", description="Host under which users reach a node of the cluster.")
    node_port: Annotated[int, Field(ge=30000, le=32767)] = Field(default=30080, description="NodePort of Envoy.")


class Pool(_Model):
    """A GPU pool: the nodes labelled ``inferstack.dev/pool=<name>``."""

    name: Name
    variant: Literal["cpu", "cuda-trt"] = Field(description="The variant of a version that this pool runs.")


class Resources(_Model):
    """What one replica asks for and is held to."""

    cpu: CpuQuantity = Field(default="1", description="CPU that the scheduler sets aside.")
    cpu_limit: CpuQuantity | None = Field(default=None, description="CPU that it may use at most; `cpu` without.")
    memory: MemoryQuantity = "1Gi"
    gpus: Annotated[int, Field(ge=0, le=16)] = 1

    @model_validator(mode="after")
    def _limit_covers_request(self) -> Self:
        if self.cpu_limit is not None and quantities.millis(self.cpu_limit) < quantities.millis(self.cpu):
            sentence = f"{self.cpu_limit!r} is less than cpu, {self.cpu!r}. Allowed: as much or more"
            raise settings_errors.conflict(("cpu_limit",), sentence)
        return self


class Slot(_Model):
    """A running version of a service."""

    version: SemanticVersion
    replicas: Annotated[int, Field(ge=0, le=100)]
    weight: Annotated[int, Field(ge=0, le=100)] = Field(description="Per cent of the service's requests.")


class CanaryRelease(_Model):
    """A candidate takes a growing share of the stable slot's traffic."""

    strategy: Literal["canary"]
    stable: Slot
    candidate: Slot | None = None

    def slots(self) -> Iterator[tuple[str, Slot]]:
        """The slots that are filled, by name."""
        yield "stable", self.stable
        if self.candidate is not None:
            yield "candidate", self.candidate


class BlueGreenRelease(_Model):
    """Two colours, of which one takes all traffic."""

    strategy: Literal["blue_green"]
    blue: Slot | None = None
    green: Slot | None = None

    @model_validator(mode="after")
    def _one_colour_at_least(self) -> Self:
        if self.blue is None and self.green is None:
            raise settings_errors.conflict((), "neither slot is filled. Allowed: blue, green or both")
        return self

    def slots(self) -> Iterator[tuple[str, Slot]]:
        """The slots that are filled, by name."""
        for name, slot in (("blue", self.blue), ("green", self.green)):
            if slot is not None:
                yield name, slot


Release = Annotated[CanaryRelease | BlueGreenRelease, Field(discriminator="strategy")]


class Service(_Model):
    """One model behind one route."""

    name: Name
    task: Literal["text-classification"]
    pool: Name
    resources: Resources = Resources()
    release: Release


class Settings(_Model):
    """A whole stack."""

    cluster: Cluster
    gateway: Gateway = Gateway()
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)]
    services: tuple[Service, ...]

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        pools = [pool.name for pool in self.pools]
        if isinstance(self.cluster, EmbeddedCluster) and len(pools) > 1:
            sentence = "the embedded cluster has one node. Allowed: one pool"
            raise settings_errors.conflict(("pools", 1), sentence)
        for kind, names in (("pools", pools), ("services", [service.name for service in self.services])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise settings_errors.conflict((kind,), f"the name {twice[0]!r} is used twice; names must differ")
        for index, service in enumerate(self.services):
            if service.pool not in pools:
                sentence = f"no pool is named {service.pool!r}. Allowed: {', '.join(pools)}"
                raise settings_errors.conflict(("services", index, "pool"), sentence)
        return self

    def pool(self, name: str) -> Pool:
        """The pool of that name; validation has made sure that it exists."""
        return next(pool for pool in self.pools if pool.name == name)

    def versions(self) -> Iterator[tuple[str, str]]:
        """Every (service, version) that a slot names, once each, in the order of the file."""
        named = ((service.name, slot.version) for service in self.services for _, slot in service.release.slots())
        yield from dict.fromkeys(named)


def stack_file(stack: str, root: Path | None = None) -> Path:
    """Where the settings of a stack lie: ``Pulumi.<stack>.yaml`` in the root of the project (default: here)."""
    return (root or Path()) / f"Pulumi.{stack}.yaml"


def parse(raw: Mapping[str, Any], *, source: Path) -> Settings:
    """Check settings that were read already.

    Args:
        raw: the stack's configuration without the ``inferstack:`` prefix of its keys.
        source: the stack file that errors point to.

    Raises:
        SettingsError: with one line for each thing that is wrong.
    """
    try:
        # JSON, not Python objects: strict mode then takes lists for tuples and still no text for a number.
        return Settings.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise SettingsError(settings_errors.describe(error, schema=schema(), source=source)) from None


def read(stack: str, root: Path | None = None) -> Settings:
    """Read and check ``Pulumi.<stack>.yaml`` without Pulumi.

    Raises:
        SettingsError: the file is missing, is no YAML, or is not what :class:`Settings` allows.
    """
    path = stack_file(stack, root)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", stack):
        raise SettingsError(f"{stack!r} is no stack name: letters, digits, '.', '_' and '-' are allowed")
    try:
        document: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(file.name.split(".")[1] for file in path.parent.glob("Pulumi.*.yaml"))
        raise SettingsError(f"{path.name}: no such stack file. Stacks: {', '.join(known) or 'none'}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: not readable as YAML: {error}") from None
    config = document.get("config") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # yaml has no types
    if not isinstance(config, dict):
        raise SettingsError(f"{path.name}: a mapping named 'config' is missing at the top")
    prefix = f"{PROJECT}:"
    raw = {str(key).removeprefix(prefix): value for key, value in config.items() if str(key).startswith(prefix)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # as above
    return parse(raw, source=path)  # pyright: ignore[reportUnknownArgumentType]  # as above


def from_pulumi(stack: str, root: Path) -> Settings:
    """The settings as the engine gives them to the program that runs.

    Raises:
        SettingsError: as :func:`parse`.
    """
    # The engine hands all configuration over in one variable; pulumi.Config answers only for keys that it is asked for,
    # and so could never notice an unknown one.
    config: dict[str, str] = json.loads(os.environ.get("PULUMI_CONFIG", "{}"))
    prefix = f"{PROJECT}:"
    raw = {key.removeprefix(prefix): _value(text) for key, text in config.items() if key.startswith(prefix)}
    return parse(raw, source=stack_file(stack, root))


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def schema() -> dict[str, Any]:
    """The JSON Schema of :class:`Settings`."""
    return Settings.model_json_schema()


def stack_file_schema() -> dict[str, Any]:
    """The JSON Schema of a whole ``Pulumi.<stack>.yaml``, for editors: see ``docs/stack.schema.json``."""
    inner = schema()
    definitions = inner.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of inferstack",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "properties": {f"{PROJECT}:{key}": value for key, value in inner["properties"].items()},
                "required": [f"{PROJECT}:{key}" for key in inner["required"]],
                "patternProperties": {f"^(?!{PROJECT}:)": {}},
                "additionalProperties": False,
            },
            "encryptionsalt": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
        },
        "additionalProperties": False,
        "$defs": definitions,
    }
