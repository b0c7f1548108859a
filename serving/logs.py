"""Structured logs: one JSON object a line on standard output. A text appears only as a keyed hash."""

from __future__ import annotations

import hashlib
import logging
import secrets
import sys
from typing import TYPE_CHECKING

import structlog

from serving.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import Processor

_HASH_BYTES = 8
_MAX_KEY_BYTES = 64  # BLAKE2b's limit


def configure(level: str) -> None:
    """Send structlog's events and those of the standard library's loggers to standard output, as JSON lines."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def quiet(logger: str) -> None:
    """Log nothing below a warning of a library that says what it does."""
    logging.getLogger(logger).setLevel(logging.WARNING)


class TextHasher:
    """Hashes texts so that equal ones can be found in the logs and none can be guessed without the key."""

    def __init__(self, key_file: Path | None) -> None:
        """Take the key from a file (1 to 64 bytes, equal on all pods) or draw one for this process.

        Raises:
            SettingsError: the file cannot be read or has another size.
        """
        if key_file is None:
            self._key = secrets.token_bytes(32)
            return
        try:
            self._key = key_file.read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"SERVING_TEXT_HASH_KEY_FILE={str(key_file)!r}: {error.strerror}") from None
        if not 0 < len(self._key) <= _MAX_KEY_BYTES:
            raise SettingsError(
                f"SERVING_TEXT_HASH_KEY_FILE={str(key_file)!r}: holds {len(self._key)} bytes; 1 to 64 are allowed"
            )

    def hash(self, text: str) -> str:
        """Return 16 hexadecimal digits."""
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=self._key, digest_size=_HASH_BYTES).hexdigest()
