"""Settings of one serving process, read from the environment variables ``SERVING_*`` and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    max_batch: int = Field(default=32, ge=1, le=1024, description="texts in one run of the graph")
    # Measured with MiniLM on two cores: 346 texts/s with 256, 140 with 4096, which leaves the caches and pads more.
    max_batch_tokens: int = Field(
        default=256, ge=1, description="tokens, padding included, in one run of the graph; a GPU wants thousands"
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
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level that is logged"
    )

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
            first = error.errors()[0]
            field = str(first["loc"][0])
            raise SettingsError(
                f"{PREFIX}{field.upper()}={given[field.upper()]!r}: {first['msg']} "
                f"({cls.model_fields[field].description})"
            ) from None
