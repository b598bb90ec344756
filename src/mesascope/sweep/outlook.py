"""How long what is left will take."""

import time
from collections.abc import Iterable

from mesascope.sweep.pool import Job

PRIOR_SECONDS = 10.0  # for how long the seconds that jobs took elsewhere are believed


class Outlook:
    """An estimate from what every job took elsewhere, corrected by how long those done here took."""

    def __init__(self, jobs: Iterable[Job], num_workers: int):
        self.expected = {job.key: job.seconds for job in jobs}
        self.num_workers = num_workers
        self.started: dict[str, float] = {}
        self.done_expected = self.done_measured = PRIOR_SECONDS

    def start(self, job: Job) -> None:
        """A job has begun."""
        self.started[job.key] = time.monotonic()

    def finish(self, job: Job) -> None:
        """A job is done."""
        self.done_measured += time.monotonic() - self.started.pop(job.key, time.monotonic())
        self.done_expected += self.expected.pop(job.key, 0.0)

    def seconds_left(self) -> float:
        """Seconds until all jobs are done: what is left, shared among workers, or the longest job if that is more."""
        slower, now = self.done_measured / self.done_expected, time.monotonic()
        left = [
            max(seconds * slower - (now - self.started.get(key, now)), 0.0) for key, seconds in self.expected.items()
        ]
        return max(sum(left) / self.num_workers, max(left, default=0.0))


def in_words(seconds: float) -> str:
    """A time that is known roughly, as roughly as it is known."""
    if seconds < 10:
        return "a few seconds"
    return f"about {round(seconds, -1):.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"
