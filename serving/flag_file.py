"""A provider for OpenFeature that reads flags from a file, and reads it again when it has changed.

The file is in flagd's format, without targeting: one place that sets flags for all requests of a service.
Source: https://flagd.dev/reference/flag-definitions/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from openfeature.event import ProviderEventDetails
from openfeature.provider.in_memory_provider import FlagStorage, InMemoryFlag, InMemoryProvider
from openfeature.provider.metadata import Metadata
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 1024**2


class FlagFileError(Exception):
    """A file that cannot be used; the message is one line that says where and what."""


class _Definition(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["ENABLED", "DISABLED"] = "ENABLED"
    variants: dict[str, StrictBool | StrictFloat | StrictStr] = Field(min_length=1)
    default_variant: str = Field(alias="defaultVariant")

    @model_validator(mode="after")
    def _default_is_a_variant(self) -> Self:
        if self.default_variant not in self.variants:
            names = ", ".join(self.variants)
            raise PydanticCustomError(
                "variant", "defaultVariant {given} is none of {names}", {"given": self.default_variant, "names": names}
            )
        return self


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Annotated[str, Field(alias="$schema")] = ""
    flags: dict[str, _Definition]


class FlagFileProvider(InMemoryProvider):
    """The flags of a file. While it cannot be used, what was read before holds.

    Attributes:
        problem: why the file cannot be used now; empty when it can.
    """

    def __init__(self, path: Path) -> None:
        """Read the file for the first time."""
        super().__init__({})
        self.problem = ""
        self._path = path
        self._content: bytes | None = None
        self.reload()

    def get_metadata(self) -> Metadata:
        """Name the provider."""
        return Metadata(name="file")

    @property
    def names(self) -> list[str]:
        """All flags of the file that are enabled."""
        return sorted(self._flags)

    def reload(self) -> bool:
        """Read the file again; say whether anything is different now."""
        try:
            content = self._read()
            if content == self._content and not self.problem:
                return False
            flags = parse(content)
        except FlagFileError as error:
            before, self.problem = self.problem, f"{self._path}: {error}"
            if before == self.problem:
                return False
            self.emit_provider_stale(ProviderEventDetails(message=self.problem))
            return True
        changed = sorted(name for name in {*flags, *self._flags} if flags.get(name) != self._flags.get(name))
        self._content, self._flags, self.problem = content, flags, ""
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=changed))
        return True

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise FlagFileError(str(error.strerror)) from None
        if len(content) > _MOST_BYTES:
            raise FlagFileError(f"is larger than {_MOST_BYTES} bytes")
        return content


def parse(content: bytes) -> FlagStorage:
    """The flags that are enabled: of one that is disabled, the service's own default holds."""
    try:
        document = _Document.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"] if part not in {"bool", "float", "str"})
        raise FlagFileError(f"{where}: {first['msg']}" if where else first["msg"]) from None
    return {
        name: InMemoryFlag[Any](each.default_variant, dict(each.variants))
        for name, each in document.flags.items()
        if each.state == "ENABLED"
    }
