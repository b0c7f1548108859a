"""Shows what a build is doing: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Generator

Update = Callable[[float, str], None]
"""Takes the share that is done, 0 to 1, and a detail such as ``epoch 1/2, loss 0.41``."""

_SECONDS_BETWEEN_LINES = 10.0


class Reporter:
    """Writes to standard error, which leaves standard output to the result."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._start = time.monotonic()

    @contextmanager
    def step(self, name: str, detail: str = "") -> Generator[Update]:
        """Show a step, and a detail if there is one, from its start to its end."""
        shown = self._bar(name, detail) if self._console.is_terminal else self._lines(name, detail)
        with shown as update:
            yield update

    @contextmanager
    def _bar(self, name: str, detail: str) -> Generator[Update]:
        columns = (TextColumn("{task.description:<10}"), BarColumn(bar_width=30), TimeElapsedColumn())
        with Progress(*columns, TextColumn("{task.fields[detail]}"), console=self._console) as progress:
            task = progress.add_task(name, total=1.0, detail=detail)
            yield lambda done, detail: progress.update(task, completed=done, detail=detail)
            progress.update(task, completed=1.0)

    @contextmanager
    def _lines(self, name: str, detail: str) -> Generator[Update]:
        self._line(name, detail)
        last = time.monotonic()

        def update(done: float, detail: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _SECONDS_BETWEEN_LINES or done >= 1.0:
                last = time.monotonic()
                self._line(name, f"{done:4.0%}  {detail}")

        yield update

    def _line(self, name: str, detail: str) -> None:
        elapsed = time.monotonic() - self._start
        self._console.print(f"{elapsed:6.1f} s  {name:<10} {detail}".rstrip(), markup=False, soft_wrap=True)
