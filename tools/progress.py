"""Shows what is being made, for how long, and how long that should take."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tools.model import GoBuild, Tool

_HEARTBEAT = 60.0  # seconds between two lines of one build where there is no terminal


def duration(seconds: float) -> str:
    """Return a time in words: `4m20s`, `35s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


class Reporter:
    """Shows live bars on a terminal, and prints plain lines elsewhere."""

    def __init__(self, console: Console, todo: list[Tool]) -> None:
        """Announce what is to be made."""
        self._console = console
        self._todo = todo
        self._started = time.monotonic()
        self._expected = sum(tool.seconds for tool in todo)
        names = ", ".join(tool.name for tool in todo)
        self._say(f"{len(todo)} tools to make, about {duration(self._expected)} on two cores: {names}")

    @contextmanager
    def making(self, tool: Tool) -> Generator[Callable[[], None]]:
        """Show a tool while it is made.

        Yields:
            What to call now and then meanwhile.
        """
        verb = "building" if isinstance(tool.source, GoBuild) and tool.programs else "installing"
        head = f"[{self._todo.index(tool) + 1}/{len(self._todo)}] {tool.name} {tool.version}"
        started = time.monotonic()
        with (self._bars if self._console.is_terminal else self._lines)(f"{head}  {verb}", tool, started) as tick:
            yield tick
        took = duration(time.monotonic() - started)
        self._say(f"{head}  done in {took} (expected {duration(tool.seconds)}); {self._overall()}")

    def close(self) -> None:
        """Say how long everything took."""
        self._say(f"{len(self._todo)} tools made in {duration(time.monotonic() - self._started)}")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _overall(self) -> str:
        return f"{duration(time.monotonic() - self._started)} of about {duration(self._expected)} in all"

    @contextmanager
    def _lines(self, head: str, tool: Tool, started: float) -> Generator[Callable[[], None]]:
        said = started

        def tick() -> None:
            nonlocal said
            now = time.monotonic()
            if now - said >= _HEARTBEAT:
                said = now
                self._say(f"{head} for {duration(now - started)}; {self._overall()}")

        self._say(f"{head}… expected {duration(tool.seconds)}")
        yield tick

    @contextmanager
    def _bars(self, head: str, tool: Tool, started: float) -> Generator[Callable[[], None]]:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[times]}"))
        with Progress(*columns, console=self._console, transient=True) as progress:
            line = progress.add_task(head, total=tool.seconds, times="")
            whole = progress.add_task("all tools", total=self._expected, times="")

            def tick() -> None:
                elapsed = time.monotonic() - started
                overall = time.monotonic() - self._started
                # An estimate can be too short: the bar then waits just before its end.
                times = f"{duration(elapsed)} of about {duration(tool.seconds)}"
                progress.update(line, completed=min(elapsed, tool.seconds * 0.99), times=times)
                progress.update(whole, completed=min(overall, self._expected * 0.99), times=self._overall())

            tick()
            yield tick
