"""A lock that lasts a while: what holds processes apart where no kernel drops the lock of one that was killed."""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, runtime_checkable

from mesascope import stopping

SECONDS = 60.0  # that a lease lasts unless its holder refreshes it, three times in that time
PAUSE = 0.5  # seconds between two looks at somebody else's
AT_A_STOP = 0.5  # seconds to give a lease back when this process is stopped


@runtime_checkable
class AbstractLeases(Protocol):
    """What a place must be able to do for leases; each raises OSError where it fails."""

    def create(self, name: str, content: bytes) -> bool:
        """Make a file that is not there; False where it is."""
        ...

    def exchange(self, name: str, content: bytes, was: bytes) -> bool:
        """Put other content in the place of `was`; False where something else stands there."""
        ...

    def read(self, name: str, num_bytes: int | None = None) -> bytes:
        """A file's content; FileNotFoundError where there is none."""
        ...

    def unlink(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...


def is_over(content: bytes) -> bool:
    """Whether a lease has run out, by this machine's clock; one that cannot be read has not."""
    try:
        return float(json.loads(content)["until"]) < time.time()
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


@contextmanager
def leased(leases: AbstractLeases, name: str, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lease `name`, calling `on_wait` first if another process has it.

    It is taken over from a holder that did not refresh it: when its time has run out, or when it did not change while
    it was watched for as long as it lasts, whatever the clocks say. A holder that was only slow then finds it gone,
    and both do the same work.
    """
    held = _Held(leases, name)
    _acquire(held, on_wait)
    stopping.before_end.append(held.give_back_soon)
    refreshing = threading.Thread(target=held.refresh, daemon=True)
    refreshing.start()
    try:
        yield
    finally:
        held.ended.set()
        refreshing.join()
        stopping.before_end.remove(held.give_back_soon)
        with suppress(OSError):  # else it runs out
            held.give_back()


class _Held:
    """A lease of this process: what is written in it now."""

    def __init__(self, leases: AbstractLeases, name: str):
        self.leases, self.name, self.ended = leases, name, threading.Event()
        self.told = {"owner": secrets.token_hex(8), "host": socket.gethostname(), "process": os.getpid()}
        self.told["since"] = time.time()
        self.content = b""

    def renewed(self) -> bytes:
        return json.dumps({**self.told, "until": time.time() + SECONDS}).encode()

    def create(self) -> bool:
        return self._kept(content := self.renewed(), self.leases.create(self.name, content))

    def exchange(self, was: bytes) -> bool:
        return self._kept(content := self.renewed(), self.leases.exchange(self.name, content, was))

    def _kept(self, content: bytes, done: bool) -> bool:
        self.content = content if done else self.content
        return done

    def refresh(self) -> None:
        while not self.ended.wait(SECONDS / 3):
            with suppress(OSError):  # the next time, or it runs out
                if not self.exchange(self.content):
                    return

    def give_back(self) -> None:
        with suppress(FileNotFoundError):
            if self.leases.read(self.name) == self.content:
                self.leases.unlink(self.name)

    def give_back_soon(self) -> None:
        def give_back() -> None:
            with suppress(OSError):
                self.give_back()

        self.ended.set()
        thread = threading.Thread(target=give_back, daemon=True)
        thread.start()
        thread.join(AT_A_STOP)


def _acquire(held: _Held, on_wait: Callable[[], None]) -> None:
    seen, since, told = None, 0.0, False
    while not held.create():
        try:
            found = held.leases.read(held.name)
        except FileNotFoundError:
            continue
        if found != seen:
            seen, since = found, time.monotonic()
        if (is_over(found) or time.monotonic() - since > SECONDS) and held.exchange(found):
            return
        if not told:
            on_wait()
            told = True
        time.sleep(PAUSE)
