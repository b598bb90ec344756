"""The standard streams as a shell may give them: closed, full, or with an encoding that lacks symbols."""

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

_PLAIN = {"✓": "+", "✗": "x", "–": "-", "∅": "0"}  # of the symbols of verdicts, "?" alone is ASCII


class StreamLost(Exception):
    """A standard stream cannot be written to: its `name`, and why. No OSError, as those of files are."""

    def __init__(self, name: str, error: OSError):
        super().__init__(f"{name} must be writable; got {error.strerror!r}.")
        self.errno = error.errno


@contextlib.contextmanager
def watched_streams() -> Iterator[None]:
    """Output goes to where it went, in symbols that are there; raises `StreamLost` where it can no longer."""
    codecs.register_error("plain", _in_plain_letters)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115 (it stays open)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    out: Any = _Watched("standard output", sys.stdout)
    err: Any = _Watched("standard error", sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


class _Watched:
    """A stream whose errors say that they are its own."""

    def __init__(self, name: str, stream: Any):
        self._name, self._stream = name, stream

    def write(self, text: str) -> int:
        with self._watch():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._watch():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _watch(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # for Python's own last flush
            raise StreamLost(self._name, error) from error


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(letter) or _without_accent(letter) for letter in lacking), error.end


def _without_accent(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"
