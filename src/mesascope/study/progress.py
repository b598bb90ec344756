"""Words on standard error about a cell that takes its time, as a notebook needs them."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mesascope.study.cell import Report

SECONDS_OF_SILENCE = 1.0
SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def told(what: str) -> Iterator[Report]:
    """Tell what runs once it has run for a second, and then, every ten seconds, how far it is."""
    timer = threading.Timer(SECONDS_OF_SILENCE, _say, [what])
    timer.daemon = True
    said = time.monotonic()

    def report(done: int, total: int, text: str) -> None:
        nonlocal said
        if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            _say(f"{what}: {done}/{total}, {text}")

    timer.start()
    try:
        yield report
    finally:
        timer.cancel()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
