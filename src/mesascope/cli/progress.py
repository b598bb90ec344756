"""Progress of cells on stderr: live bars on a terminal, a few plain lines elsewhere, nothing when asked to be quiet."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from mesascope.study.base import Report

SECONDS_BETWEEN_LINES = 30.0


class Display:
    """Shows one cell after another; used as a context, around those of one study."""

    def __init__(self, console: Console, quiet: bool):
        self.console, self.quiet = console, quiet
        self.live = console.is_terminal and not console.is_dumb_terminal and not quiet
        self.progress: Any = None

    def __enter__(self) -> "Display":
        if self.live:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[text]}", markup=False),
            )
            self.progress = Progress(*columns, console=self.console)
            self.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.live:
            self.progress.stop()

    def say(self, message: str) -> None:
        """Show a message, above the bars where there are any."""
        self.console.print(Text(message), soft_wrap=True)

    @contextmanager
    def cell(self, label: str) -> Iterator[Report]:
        """Show a cell while it runs; gives the function that is told how far it is."""
        if self.quiet:
            yield lambda done, total, text: None
        elif self.live:
            task = self.progress.add_task(label, total=None, text="")
            yield lambda done, total, text: self.progress.update(task, completed=done, total=total, text=text)
            total = self.progress.tasks[task].total or 1
            self.progress.update(task, completed=total, total=total)
        else:
            lines = _Lines(self, label)
            yield lines.report
            self.say(lines.last())


class _Lines:
    """A line now and then, and a last one."""

    def __init__(self, display: Display, label: str):
        self.display, self.label, self.text = display, label, ""
        self.started = self.shown = time.monotonic()

    def report(self, done: int, total: int, text: str) -> None:
        self.text, now = text, time.monotonic()
        if now - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = now
            self.display.say(f"{self.label}: {done}/{total}, {text}")

    def last(self) -> str:
        seconds = time.monotonic() - self.started
        return f"{self.label}: done in {seconds:.1f} s{f' ({self.text})' if self.text else ''}"
