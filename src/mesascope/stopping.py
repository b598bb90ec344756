"""Signals that end a process: at once, whatever its threads are at, once what it is writing is written.

Python's own Ctrl-C waits for a compiler that runs, and takes the interpreter down around the compiler's threads, which
crashes. Here a thread hears of the signal and ends the process; the main thread only holds still.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS = 1.6  # from the signal to the end, whatever hangs
SECONDS_TO_FINISH = 0.6  # of them, for a file half-written

before_end: list[Callable[[], None]] = []  # what a stop does first, the last one added first; in a thread of its own

_lock = threading.RLock()
_depth, _stopped = 0, False


def is_the_command() -> bool:
    """Whether this process was started as `mesascope` or `python -m mesascope`, and by nobody of its own."""
    name = os.path.basename("".join(sys.argv[:1]))
    named = name == "mesascope" or (name == "-m" and {"mesascope", "-mmesascope"} & {*sys.orig_argv})
    return bool(named) and "--multiprocessing-fork" not in sys.orig_argv


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """What a stop lets this process finish: a file half-written, a process half-started."""
    global _depth
    with _lock:
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1
    if _stopped:
        _hold_still()


def end_at(*signals: signal.Signals) -> None:
    """From now on each of `signals` ends this process, with 128 and its number as the exit code.

    A signal that is ignored, as by nohup, stays so. To be called in the main thread.
    """
    heard, wakeup = os.pipe()
    begun, begin = os.pipe()
    os.set_blocking(wakeup, False)
    threading.Thread(target=_listen, args=(heard, begin, signals), daemon=True).start()
    threading.Thread(target=_end, args=(begun,), daemon=True).start()
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    for each in signals:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, _hold_still)


def ignore(*signals: signal.Signals) -> None:
    """From now on `signals` do nothing: what they would stop is done, or somebody else ends this process."""
    for each in signals:
        signal.signal(each, signal.SIG_IGN)


def _hold_still(*_: object) -> None:
    """What the main thread does until the process ends."""
    global _stopped
    _stopped = True
    if not _depth:
        time.sleep(60)


def _listen(heard: int, begin: int, signals: tuple[signal.Signals, ...]) -> None:
    """Pass the first of `signals` on, and end the process if that does not end it in time."""
    while (number := os.read(heard, 1)[0]) not in signals:
        pass
    os.write(begin, bytes([number]))
    time.sleep(SECONDS)
    os._exit(128 + number)


def _end(begun: int) -> None:
    number = os.read(begun, 1)[0]
    try:
        _lock.acquire(timeout=SECONDS_TO_FINISH)
        for ending in reversed(before_end):
            ending()
        if sys.stdout is not None:
            sys.stdout.flush()
    finally:
        os._exit(128 + number)
