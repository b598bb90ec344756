"""What places on other machines have in common: leases for locks, a local folder for what is not finished."""

import os
import tempfile
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from mesascope.configuration import fingerprint
from mesascope.files import LEFTOVERS
from mesascope.runs.directory import writing
from mesascope.runs.lease import is_over, leased
from mesascope.runs.lock import remove_leftovers
from mesascope.runs.place import AbstractPlace, File

SECONDS_TO_WRITE = 3600.0  # after which a temporary file, or a lock that nobody refreshed, is nobody's


class AbstractRemote(AbstractPlace):
    """A place that an address such as s3://bucket/prefix names.

    What a running cell keeps lies in `$XDG_CACHE_HOME/mesascope/unfinished`, or `~/.cache/mesascope/unfinished`, in a
    folder for each address, until its result is stored.
    """

    url: str

    def __init__(self, url: str):
        self.address = self.url = url.rstrip("/")

    @abstractmethod
    def create(self, name: str, content: bytes) -> bool:
        """Make a file that is not there; False where it is."""

    @abstractmethod
    def exchange(self, name: str, content: bytes, was: bytes) -> bool:
        """Put other content in the place of `was`; False where something else stands there."""

    @abstractmethod
    def unlink(self, name: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def move(self, name: str, new: str) -> None:
        """Give a file a new name, which no file has."""

    def located(self, name: str) -> str:
        return f"{self.url}/{name}"

    def check_writable(self) -> None:
        probe = f".writable-{os.urandom(4).hex()}"
        self.write(probe, b"")
        self.unlink(probe)

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        content = self.read(name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            path.write_bytes(content)
            yield path

    def set_aside(self, name: str) -> str:
        number = 1
        while self.exists(aside := f"{name}.damaged-{number}"):
            number += 1
        self.move(name, aside)
        return aside.rpartition("/")[2]

    def remove(self, file: File) -> bool:
        base = file.name.rpartition("/")[2]
        if (base.endswith(".lock") or fnmatchcase(base, LEFTOVERS)) and self.in_use(file):
            return False
        self.unlink(file.name)
        return True

    def in_use(self, file: File) -> bool:
        if time.time() - file.modified > SECONDS_TO_WRITE:
            return False
        if fnmatchcase(file.name.rpartition("/")[2], LEFTOVERS):
            return True
        try:
            return not is_over(self.read(file.name))
        except FileNotFoundError:
            return False

    def lock(self, name: str, on_wait: Callable[[], None]) -> AbstractContextManager[None]:
        return leased(self, name, on_wait)

    @property
    def unfinished(self) -> Path:
        """The local folder of what is not finished."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "mesascope" / "unfinished" / fingerprint(self.address)[:16]

    def scratch(self, name: str) -> Path:
        path = self.unfinished / name
        with writing("XDG_CACHE_HOME", self.unfinished):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def clear_scratch(self, name: str) -> None:
        path = self.unfinished / name
        path.unlink(missing_ok=True)
        with suppress(OSError):  # other cells' files may lie there
            path.parent.rmdir()
            path.parent.parent.rmdir()

    def computing(self) -> AbstractContextManager[None]:
        return writing("XDG_CACHE_HOME", self.unfinished)

    def remove_leftovers(self) -> None:
        remove_leftovers(self.unfinished)
