"""A local folder as a place of results."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mesascope.files import write_atomically
from mesascope.runs.directory import check_writable, set_aside, writing
from mesascope.runs.lock import exclusive, is_free, remove_leftovers, remove_unless_held
from mesascope.runs.place import AbstractPlace, File


class Folder(AbstractPlace):
    """A local folder, or one that is mounted.

    A file is written under a temporary name, synced, and renamed over its own. A lock is the kernel's, so that it ends
    with its holder; on a file system without locks nothing is held. What a running cell keeps lies beside its result.
    """

    def __init__(self, directory: Path):
        self.address = self.directory = directory

    def located(self, name: str) -> Path:
        return self.directory / name

    def check_writable(self) -> None:
        check_writable("runs", self.directory)

    def exists(self, name: str) -> bool:
        return os.path.exists(self.directory / name)

    def files(self) -> Iterator[File]:
        for path in self.directory.rglob("*"):
            if path.is_symlink() or not path.is_dir():
                told = path.lstat()
                yield File(path.relative_to(self.directory).as_posix(), told.st_size, told.st_mtime)

    def read(self, name: str, num_bytes: int | None = None) -> bytes:
        with open(self.directory / name, "rb") as file:
            return file.read(-1 if num_bytes is None else num_bytes)

    def opened(self, name: str) -> AbstractContextManager[Path]:
        return nullcontext(self.directory / name)

    def write(self, name: str, content: bytes) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)

    def set_aside(self, name: str) -> str:
        return set_aside(self.directory / name)

    def remove(self, file: File) -> bool:
        with writing("runs", self.directory):
            return remove_unless_held(self.directory / file.name)

    def in_use(self, file: File) -> bool:
        return not is_free(self.directory / file.name)

    def lock(self, name: str, on_wait: Callable[[], None]) -> AbstractContextManager[None]:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        return exclusive(path, on_wait)

    def scratch(self, name: str) -> Path:
        return self.directory / name

    def clear_scratch(self, name: str) -> None:
        (self.directory / name).unlink(missing_ok=True)

    def computing(self) -> AbstractContextManager[None]:
        return writing("runs", self.directory)

    def remove_leftovers(self) -> None:
        remove_leftovers(self.directory)
