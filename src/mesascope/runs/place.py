"""Where results lie: what a store needs of a folder, a server or a bucket, and which of them an address names."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mesascope.runs.address import Address, address


class File(NamedTuple):
    """A file of a place: its name, its bytes, and the seconds since 1970 when it was written."""

    name: str
    size: int
    modified: float


class AbstractPlace(ABC):
    """Files of results, each with a name such as "study/key.safetensors".

    Every operation raises `DirectoryError`, with what to do, where the place cannot be used. What is written is there
    whole or not at all. A lock keeps processes from doing the same work twice; results stay whole without it.
    """

    address: Address

    @abstractmethod
    def located(self, name: str) -> Address:
        """Where a file lies, in full, for people."""

    @abstractmethod
    def check_writable(self) -> None:
        """Make the place where it is missing, and write to it."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def files(self) -> Iterator[File]:
        """All files, in no order; none where the place is not there yet."""

    @abstractmethod
    def read(self, name: str, num_bytes: int | None = None) -> bytes:
        """A file's content, or its first `num_bytes`; FileNotFoundError where there is none."""

    @abstractmethod
    def opened(self, name: str) -> AbstractContextManager[Path]:
        """A local file with that content, to read while the context lasts."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Put a file there, all of it or nothing, in the place of what stood there."""

    @abstractmethod
    def set_aside(self, name: str) -> str:
        """Give a file the first free name NAME.damaged-1, -2, ...; that name, without its folder."""

    @abstractmethod
    def remove(self, file: File) -> bool:
        """Remove a file unless a living process holds or writes it; whether it is gone."""

    @abstractmethod
    def in_use(self, file: File) -> bool:
        """Whether a living process holds this lock or writes this temporary file."""

    @abstractmethod
    def lock(self, name: str, on_wait: Callable[[], None]) -> AbstractContextManager[None]:
        """Hold a lock, which a killed holder loses; `on_wait` is called first where another process has it."""

    @abstractmethod
    def scratch(self, name: str) -> Path:
        """The local file in which a cell that runs keeps what it has, under this name."""

    @abstractmethod
    def clear_scratch(self, name: str) -> None:
        """Remove such a file."""

    @abstractmethod
    def computing(self) -> AbstractContextManager[None]:
        """Within this, a failure to write to the local disk is told with what to do."""

    @abstractmethod
    def remove_leftovers(self) -> None:
        """Remove what killed processes left on the local disk."""


def place_of(where: Address) -> AbstractPlace:
    """The place an address names.

    Raises ValueError for an address that cannot be, `ExtraError` where its extra is not installed.
    """
    where = address(where) if isinstance(where, str) else where
    if isinstance(where, str):
        return _remote(where)
    if where.parts and where.parts[0] in ("sftp:", "s3:"):
        raise ValueError(f"`runs` must be text where it is no folder; got the path {str(where)!r}. Leave out `Path`.")
    from mesascope.runs.folder import Folder

    return Folder(where)


@lru_cache
def _remote(where: str) -> AbstractPlace:
    """One connection a process and address."""
    if where.startswith("sftp://"):
        from mesascope.runs.sftp import Sftp

        return Sftp(where)
    from mesascope.runs.s3 import S3

    return S3(where)
