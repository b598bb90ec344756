"""Directories that results go to: whether they can be written, and what to do when they no longer can."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mesascope.files import write_atomically

_CANNOT_WRITE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG),
)


INTACT = "What was stored before is intact: put this right and give the same command again, and it continues."


class DirectoryError(OSError):
    """A directory, or another place of results, that cannot be used; what lies in it is intact."""


def check_writable(name: str, directory: Path) -> None:
    """Make `directory` if it is missing, and write to it; raises `DirectoryError` when that fails."""
    probe = directory / ".writable"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_atomically(probe, b"")
        probe.unlink(missing_ok=True)
    except OSError as error:
        reason = "a file" if os.path.isfile(directory) else error.strerror
        raise DirectoryError(
            f"`{name}` must be a directory that can be written to; got {str(directory)!r} ({reason}). Name another one."
        ) from error


@contextmanager
def writing(name: str, directory: Path) -> Iterator[None]:
    """Turn a failure to write, of a full disk for one, into a `DirectoryError` that says what to do."""
    try:
        yield
    except OSError as error:
        named = error.filename2 or error.filename  # of a renaming, the second is what was to be written
        inside = isinstance(named, str | Path) and directory in Path(named).parents
        if error.errno not in _CANNOT_WRITE and not inside:
            raise
        where = str(named if inside else directory)
        raise DirectoryError(
            f"`{name}` must be writable and have room; got {error.strerror!r} while writing to {where!r}. {INTACT}"
        ) from error


def set_aside(path: Path) -> str:
    """Rename a file to the first free of NAME.damaged-1, -2, ...; the new name, without its folder."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    path.rename(aside)
    return aside.name
