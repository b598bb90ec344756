"""A folder on a server that speaks SFTP, as a place of results."""

import posixpath
import stat
from collections.abc import Iterator
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from mesascope.extras import check_extra
from mesascope.runs.address import sftp_address
from mesascope.runs.place import File
from mesascope.runs.remote import AbstractRemote
from mesascope.runs.ssh import Connection

if TYPE_CHECKING:
    from asyncssh import SFTPClient


class Sftp(AbstractRemote):
    """sftp://[user@]host[:port]/path, or .../~/path for a folder in the user's home there.

    A file is written under a temporary name, synced where the server can do that, and renamed over its own by OpenSSH's
    posix-rename, which is atomic. A lock is a file that is created exclusively, held as a lease: two processes that
    find one run out at the same instant may both take it, and do the same work twice.
    """

    def __init__(self, address: str):
        check_extra("sftp")
        super().__init__(address)
        host, port, user, self.path = sftp_address(address)
        self.connection = Connection(self.url, host, port, user)

    def exists(self, name: str) -> bool:
        return self.connection.do(lambda client: client.exists(self._at(name)), name)

    def files(self) -> Iterator[File]:
        yield from self.connection.do(lambda client: _all_files(client, self.path, ""), "")

    def read(self, name: str, num_bytes: int | None = None) -> bytes:
        return self.connection.do(lambda client: _content(client, self._at(name), num_bytes), name)

    def write(self, name: str, content: bytes) -> None:
        self.connection.do(lambda client: _replace(client, self._at(name), content), name)

    def create(self, name: str, content: bytes) -> bool:
        return self.connection.do(lambda client: _create(client, self._at(name), content), name)

    def exchange(self, name: str, content: bytes, was: bytes) -> bool:
        async def exchange(client: "SFTPClient") -> bool:
            found = await _content(client, self._at(name))
            if found != was:
                return found == content  # ours, if an answer was lost
            await _replace(client, self._at(name), content)
            return await _content(client, self._at(name)) == content

        try:
            return self.connection.do(exchange, name)
        except FileNotFoundError:
            return False

    def unlink(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.connection.do(lambda client: client.remove(self._at(name)), name)

    def move(self, name: str, new: str) -> None:
        self.connection.do(lambda client: client.posix_rename(self._at(name), self._at(new)), name)

    def _at(self, name: str) -> str:
        return posixpath.join(self.path, name)


async def _content(client: "SFTPClient", path: str, num_bytes: int | None = None) -> bytes:
    async with client.open(path, "rb") as file:
        content = await file.read(-1 if num_bytes is None else num_bytes)
    return content if isinstance(content, bytes) else content.encode()


async def _replace(client: "SFTPClient", path: str, content: bytes) -> None:
    """Put a file there, whole or not at all."""
    import asyncssh

    folder, name = posixpath.split(path)
    temporary = posixpath.join(folder, f".{name}.{token_hex(4)}.tmp")
    try:
        await _write(client, temporary, "xb", content)
        await client.posix_rename(temporary, path)
    except asyncssh.SFTPError:
        with suppress(asyncssh.Error):
            await client.remove(temporary)
        raise


async def _create(client: "SFTPClient", path: str, content: bytes) -> bool:
    """Whether a file is made that was not there before, or is ours since an answer was lost."""
    import asyncssh

    try:
        await _write(client, path, "xb", content)
        return True
    except (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists):
        if not await client.exists(path):
            raise
        with suppress(asyncssh.SFTPNoSuchFile):
            return await _content(client, path) == content
        return False


async def _write(client: "SFTPClient", path: str, mode: str, content: bytes) -> None:
    """Write a file in a folder that is made where it is missing."""
    import asyncssh

    try:
        file = await client.open(path, mode)
    except asyncssh.SFTPNoSuchFile:
        await client.makedirs(posixpath.dirname(path), exist_ok=True)
        file = await client.open(path, mode)
    async with file:
        await file.write(content)
        with suppress(asyncssh.SFTPOpUnsupported):
            await file.fsync()


async def _all_files(client: "SFTPClient", folder: str, before: str) -> list[File]:
    """What lies in a folder and below; nothing where it is not there, or no longer."""
    import asyncssh

    found: list[File] = []
    with suppress(asyncssh.SFTPNoSuchFile):
        async for entry in client.scandir(folder):
            name, told = str(entry.filename), entry.attrs
            if name in (".", ".."):
                continue
            if stat.S_ISDIR(told.permissions or 0):
                found += await _all_files(client, posixpath.join(folder, name), f"{before}{name}/")
            else:
                found.append(File(f"{before}{name}", told.size or 0, float(told.mtime or 0)))
    return found
