"""Progress on stderr: live bars on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

import contextlib
import threading
import time
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from mesascope.cli.streams import StreamLost
from mesascope.study.cell import Report
from mesascope.sweep.outlook import in_words

SECONDS_BETWEEN_LINES = 30.0


class Display:
    """Shows the cells that are running, how many studies, or points, are done and how long the rest will take.

    A context, within which bars are shown. `after_bars` is what a terminal needs behind bars that stay as they are.
    """

    def __init__(self, console: Console, quiet: bool, num_studies: int = 1, noun: str = "studies"):
        self.console, self.quiet, self.num_studies, self.noun = console, quiet, num_studies, noun
        self.live = console.is_terminal and not console.is_dumb_terminal and not quiet
        self.after_bars = "\n\x1b[?25h" if self.live else ""  # a new line, and the cursor that bars hide
        self.num_done = 0
        self.left = ""
        self.shown: dict[str, _Bar | _Lines] = {}
        self.progress: Any = None
        self.overall: Any = None
        self.ended = threading.Event()
        self.clock = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> "Display":
        if self.live:
            self.progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                _Clock(),
                TextColumn("{task.fields[text]}", markup=False),
                console=self.console,
            )
            if self.num_studies > 1:
                self.overall = self.progress.add_task(self.noun, total=self.num_studies, text="")
            self.progress.start()
        elif not self.quiet:
            self.clock.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.live:
            self.progress.stop()
        elif not self.quiet:
            self.ended.set()
            self.clock.join()

    def _tell(self) -> None:
        """Say now and then how far everything is."""
        with contextlib.suppress(StreamLost):
            while not self.ended.wait(SECONDS_BETWEEN_LINES):
                for shown in list(self.shown.values()):
                    shown.tell()

    def say(self, message: str) -> None:
        """Show a message, above the bars where there are any."""
        self.console.print(Text(message), soft_wrap=True)

    def begin(self, label: str) -> Report:
        """Show a cell that begins; gives the function that is told how far it is."""
        if self.quiet:
            return lambda done, total, text: None
        self.shown[label] = _Bar(self, label) if self.live else _Lines(self, label)
        return self.shown[label].report

    def end(self, label: str, finished: bool) -> None:
        """A cell has ended."""
        shown = self.shown.pop(label, None)
        if shown and finished:
            shown.end()

    def study_done(self) -> None:
        """One study more is judged."""
        self.num_done += 1
        if self.overall is not None:
            self.progress.update(self.overall, completed=self.num_done)

    def outlook(self, seconds: float) -> None:
        """About how many seconds are left."""
        self.left = f"{in_words(seconds)} left" if seconds else ""
        if self.overall is not None:
            self.progress.update(self.overall, text=self.left)

    def standing(self) -> str:
        """How many studies are done and how long the rest takes, where there are several."""
        left = f", {self.left}" if self.left else ""
        return f" ({self.num_done} of {self.num_studies} {self.noun} done{left})" if self.num_studies > 1 else ""


class _Bar:
    """A bar while a cell runs; gone when it is done where there are many cells."""

    def __init__(self, display: Display, label: str):
        self.progress, self.keep = display.progress, display.num_studies == 1
        self.task = self.progress.add_task(label, total=None, text="")

        self.text = ""

    def report(self, done: int, total: int, text: str) -> None:
        self.text = text
        self.progress.update(self.task, completed=done, total=total, text=_so_far(done, total, text))

    def tell(self) -> None:
        """Nothing: a bar moves by itself."""

    def end(self) -> None:
        total = self.progress.tasks[self.progress.task_ids.index(self.task)].total or 1
        self.progress.update(self.task, completed=total, total=total, text=self.text, visible=self.keep)
        self.progress.stop_task(self.task)


class _Clock(ProgressColumn):
    """The time since a cell began; it goes on when the steps are done, until the cell is."""

    def render(self, task: Task) -> Text:
        return Text(str(timedelta(seconds=int(task.elapsed or 0))), style="progress.elapsed")


class _Lines:
    """A line at the start, one now and then, and a last one."""

    def __init__(self, display: Display, label: str):
        self.display, self.label, self.text, self.at = display, label, "", "started"
        self.started = time.monotonic()
        display.say(f"{label}: started")

    def report(self, done: int, total: int, text: str) -> None:
        self.text, self.at = text, f"{done}/{total}, {_so_far(done, total, text)}"

    def tell(self) -> None:
        """Say how far it is."""
        seconds = time.monotonic() - self.started
        self.display.say(f"{self.label}: {self.at}, {seconds:.0f} s{self.display.standing()}")

    def end(self) -> None:
        seconds = time.monotonic() - self.started
        text = f" ({self.text})" if self.text else ""
        self.display.say(f"{self.label}: done in {seconds:.1f} s{text}{self.display.standing()}")


def _so_far(done: int, total: int, text: str) -> str:
    """What a cell says; when its steps are done, it measures."""
    return f"{text}, measuring" if done >= total else text
