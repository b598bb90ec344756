"""One process at a time: a lock that a killed holder releases by itself, and what such a holder leaves behind."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mesascope.files import LEFTOVERS

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some network file systems


@contextmanager
def exclusive(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`, calling `on_wait` first if another process has it; the file is gone afterwards.

    The kernel drops the lock when its holder ends, however it ends. On a file system that cannot lock, nothing
    is held: two processes may then do the same work twice, and the later result, equal to the first, stays.
    """
    handle = _acquire(path, on_wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before the lock is dropped: nobody can hold this file any more
        os.close(handle)


def remove_leftovers(directory: Path) -> None:
    """Remove lock files and temporary files in a directory of results whose locks nobody holds: their owners are dead.

    Nothing is removed on a file system that cannot lock.
    """
    for folder in (directory, *directory.glob("*/"), *directory.glob("*/figures-*/")):
        for path in (*folder.glob(LEFTOVERS), *folder.glob(f"{'[0-9a-f]' * 64}.lock")):
            with suppress(OSError):
                _remove_if_free(path)


def is_free(path: Path) -> bool:
    """Whether no process holds a lock on a file; False where that cannot be known."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def remove_unless_held(path: Path) -> bool:
    """Remove a file unless a process holds a lock on it; whether it is gone. OSError where it cannot be removed."""
    if path.is_symlink() or not path.is_file():
        path.unlink(missing_ok=True)
        return True
    with suppress(BlockingIOError, FileNotFoundError):
        _remove_if_free(path)
    return not os.path.lexists(path)


def _remove_if_free(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(handle, path):
            path.unlink()
    finally:
        os.close(handle)


def _acquire(path: Path, on_wait: Callable[[], None]) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _wait_for(handle, on_wait)
            if _is_at(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # the holder before removed this file: the lock is another file by now


def _wait_for(handle: int, on_wait: Callable[[], None]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        on_wait()
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
