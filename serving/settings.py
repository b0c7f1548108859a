"""Settings of one serving process, read from the environment variables ``SERVING_*`` and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from serving.profile import Precision, Profile, ShapeVariable
from serving.session import TENSORRT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

PREFIX = "SERVING_"


class SettingsError(Exception):
    """A setting that cannot be used; the message is one line that names the variable, the value and what is allowed."""


class Settings(BaseModel):
    """What a process may be told from outside. The name of each variable is ``SERVING_`` and the field in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model_dir: Path = Field(
        default=Path("/model"), description="folder with model.onnx, tokenizer.json and manifest.json"
    )
    provider: str = Field(
        default="CPUExecutionProvider",
        pattern=r"^[A-Za-z0-9]+ExecutionProvider$",
        description="ONNX Runtime execution provider that must run the graph",
    )
    threads: int = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        ge=1,
        le=256,
        description="threads within one operator; a container with a CPU limit should set this to the limit",
    )
    precision: Precision | None = Field(
        default=None, description="of a TensorRT engine: fp32, fp16 or bf16; with both shapes, or not at all"
    )
    batch_shapes: ShapeVariable | None = Field(
        default=None, description="texts in one run that an engine is built for: smallest,usual,largest"
    )
    length_shapes: ShapeVariable | None = Field(
        default=None, description="tokens of the longest text in a run that an engine is built for, likewise"
    )
    workspace_mib: int = Field(
        default=2048, ge=64, le=65536, description="GPU memory that the builder of an engine may use"
    )
    engine_cache: Path | None = Field(
        default=None, description="folder that `python -m serving.engine build` fills and the service only reads"
    )
    host: str = Field(default="0.0.0.0", min_length=1, description="address to listen on")  # noqa: S104 - a pod's only address
    port: int = Field(default=8080, ge=1, le=65535, description="TCP port to listen on")
    root_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="path under which a gateway shows the service, no final slash",
    )
    slot: str = Field(
        default="stable", pattern=r"^[a-z][a-z0-9-]{0,30}$", description="slot of the release that this pod is in"
    )
    max_inputs: int = Field(default=64, ge=1, le=4096, description="texts in one request")
    max_characters: int = Field(default=4000, ge=1, le=1_000_000, description="characters in one text")
    max_body_bytes: int = Field(default=2 * 1024**2, ge=1024, le=64 * 1024**2, description="bytes of one request body")
    max_batch: int = Field(
        default=32, ge=1, le=1024, description="texts in one run of the graph; with batch_shapes their largest"
    )
    # Measured with MiniLM on two cores: 346 texts/s with 256, 140 with 4096, which leaves the caches and pads more.
    max_batch_tokens: int = Field(
        default=256, ge=1, description="tokens, padding included, in one run of the graph; with shapes their product"
    )
    # A busy graph gathers texts by itself: on a CPU, waiting made one client a quarter slower and many no faster.
    batch_wait_milliseconds: float = Field(
        default=0.0, ge=0, le=1000, description="time to wait for more texts before a run"
    )
    max_queue: int = Field(default=512, ge=1, le=1_000_000, description="texts that may wait; more are answered by 503")
    request_timeout_seconds: float = Field(default=10.0, gt=0, le=600, description="from the first byte to the answer")
    stuck_after_seconds: float = Field(
        default=60.0, gt=0, description="a run of the graph longer than this fails /livez"
    )
    drain_seconds: float = Field(
        default=3.0,
        ge=0,
        le=300,
        description="time after SIGTERM in which requests are still taken while /readyz fails",
    )
    text_hash_key_file: Path | None = Field(
        default=None,
        description="file with the key of the text hashes in the logs; without it each process draws its own",
    )
    database_url: str | None = Field(
        default=None,
        # Credentials in it would be in the environment, and could not be rotated.
        pattern=r"^(sqlite:///[^@]*|postgresql\+psycopg://[^@]+)$",
        description="database of feedback, without user and password: sqlite:///FILE or "
        "postgresql+psycopg://HOST:PORT/NAME?sslmode=require; without it no feedback is taken",
    )
    database_credentials_dir: Path | None = Field(
        default=None, description="folder with the files username and password, read for each new connection"
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.-]+:[0-9]{1,5}$",
        description="collector that takes traces, OTLP over gRPC: http://HOST:PORT; without it nothing is traced",
    )
    trace_sampling: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="per cent of the requests that are traced; who was called with a W3C traceparent keeps to it",
    )
    flags_file: Path | None = Field(
        default=None, description="file with feature flags, in flagd's format; read again when it changes"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level that is logged"
    )

    @property
    def profile(self) -> Profile | None:
        """What engines are built for, if the variables of a profile are set."""
        if self.precision is None or self.batch_shapes is None or self.length_shapes is None:
            return None
        return Profile(
            precision=self.precision,
            batch=self.batch_shapes,
            length=self.length_shapes,
            workspace_mib=self.workspace_mib,
        )

    @property
    def batch_limit(self) -> int:
        """Texts in one run of the graph at most: a run outside of the profile would fail or build another engine."""
        return self.max_batch if self.batch_shapes is None else self.batch_shapes.max

    @property
    def token_limit(self) -> int:
        """Tokens, padding included, in one run of the graph at most."""
        if self.batch_shapes is None or self.length_shapes is None:
            return self.max_batch_tokens
        return self.batch_shapes.max * self.length_shapes.max

    @model_validator(mode="after")
    def _profile_is_whole(self) -> Self:
        parts = ("precision", "batch_shapes", "length_shapes")
        given = [part for part in parts if getattr(self, part) is not None]
        missing = [part for part in parts if part not in given]
        if given and missing:
            raise _conflict(f"{_variable(given[0])} is set, {_variable(missing[0])} is not: set all or none")
        if self.provider == TENSORRT and missing:
            raise _conflict(f"{_variable('provider')}={TENSORRT} needs {_variable(missing[0])}")
        if self.provider == TENSORRT and self.engine_cache is None:
            raise _conflict(f"{_variable('provider')}={TENSORRT} needs {_variable('engine_cache')}")
        limits = [name for name in ("max_batch", "max_batch_tokens") if name in self.model_fields_set]
        if given and limits:
            raise _conflict(f"{_variable(limits[0])} is set, but the shapes of the profile set that limit: set one")
        return self

    @model_validator(mode="after")
    def _database_has_its_credentials(self) -> Self:
        url, credentials = _variable("database_url"), _variable("database_credentials_dir")
        if self.database_credentials_dir is not None and self.database_url is None:
            raise _conflict(f"{credentials} is set, {url} is not: set both or none")
        if self.database_url is not None and self.database_url.startswith("sqlite") and self.database_credentials_dir:
            raise _conflict(f"{credentials} is set, but {url} is SQLite's, which has none")
        return self

    @model_validator(mode="after")
    def _tracing_is_whole(self) -> Self:
        endpoint, sampling = _variable("otlp_endpoint"), _variable("trace_sampling")
        if (self.otlp_endpoint is None) != (self.trace_sampling is None):
            there, missing = (endpoint, sampling) if self.trace_sampling is None else (sampling, endpoint)
            raise _conflict(f"{there} is set, {missing} is not: set both or none")
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables that start with ``SERVING_``.

        Raises:
            SettingsError: a name is not known or a value is not allowed.
        """
        given = {name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX)}
        known = {field.upper() for field in cls.model_fields}
        if unknown := sorted(given.keys() - known):
            names = ", ".join(PREFIX + name for name in sorted(known))
            raise SettingsError(f"{PREFIX}{unknown[0]} is not a setting; the settings are {names}")
        try:
            return cls.model_validate({name.lower(): value for name, value in given.items()})
        except ValidationError as error:
            raise SettingsError(cls._sentence(error.errors()[0], given)) from None

    @classmethod
    def _sentence(cls, error: ErrorDetails, given: Mapping[str, str]) -> str:
        if not error["loc"]:
            return error["msg"]  # several variables together, which the message names
        field = str(error["loc"][0])
        value = given[field.upper()]
        return f"{_variable(field)}={value!r}: {error['msg']} ({cls.model_fields[field].description})"


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _conflict(sentence: str) -> PydanticCustomError:
    # The sentence is no template of the caller's: braces in it must stay what they are.
    return PydanticCustomError("conflict", "{sentence}", {"sentence": sentence})
