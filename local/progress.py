"""Shows what a long command is doing: a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console


class Progress:
    """Lines of what is done, with seconds since the start, and what is waited for now. Use it as a context manager."""

    def __init__(self, console: Console, *, title: str) -> None:
        self._console = console
        self._title = title
        self._status = console.status(title)
        self._begin = time.monotonic()

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._status.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._begin

    def waiting_for(self, names: Iterable[str]) -> None:
        """Show what is not ready yet."""
        self._status.update(f"{self._title}: {', '.join(names)} … {self.seconds:.0f} s")

    def done(self, name: str) -> None:
        """Print that something is ready."""
        self._console.print(f"{self._title}: {name} [dim]{self.seconds:.1f} s[/dim]", highlight=False)

    def note(self, text: str) -> None:
        """Print a remark."""
        self._console.print(f"{self._title}: {text}", highlight=False, soft_wrap=True)
