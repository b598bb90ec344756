"""What a stopped command says."""

import contextlib
import os
from collections.abc import Callable, Iterator

from mesascope import stopping

_farewells: list[Callable[[], str]] = [lambda: "mesascope: stopped; whatever was stored before is kept.\n"]


def begin() -> None:
    """From now on a signal that stops this process ends it with a sentence; once is enough.

    Earlier than this, while Python itself starts, a signal ends it in Python's own way.
    """
    if _say not in stopping.before_end:
        stopping.before_end.append(_say)
        stopping.end_at(*stopping.STOPS)


@contextlib.contextmanager
def farewell(text: Callable[[], str]) -> Iterator[None]:
    """Within this context a stop says `text()`, worked out in a thread while the main one holds still."""
    _farewells.append(text)
    try:
        yield
    finally:
        _farewells.remove(text)


def _say() -> None:
    """The farewell, to stderr, past Python's own buffer, which the main thread may hold."""
    with contextlib.suppress(OSError):  # a terminal that is gone
        os.write(2, _farewells[-1]().encode())
