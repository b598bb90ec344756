"""Writing files so that no reader and no crash ever sees half of one."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from mesascope.stopping import unbroken

LEFTOVERS = f".*.{'[0-9a-f]' * 8}.tmp"  # how temporary files are named; each is locked while its writer lives


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, all of it or nothing: a temporary file beside it, synced, then renamed.

    Raises OSError (disk full, no permission) with whatever stood at `path` before left as it was.
    """
    with unbroken():
        handle, temporary = _temporary(path)
        try:
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
                os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _temporary(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked; made again if whoever removes leftovers saw it before it was locked."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # some network file systems have no locks, and nothing is removed there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if temporary.exists():
            return handle, temporary
        os.close(handle)
