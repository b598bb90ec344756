"""A connection to an SSH server for files, made with what a user has set up, and made again when it is lost."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from mesascope.runs.directory import INTACT, DirectoryError

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection

T = TypeVar("T")
SECONDS_TO_CONNECT = 15
SECONDS_OF_SILENCE = 15  # after which the server is asked whether it is there; lost when it is silent three times


class Connection:
    """Files of one server, for any thread of this process.

    Keys come from ~/.ssh/config, an agent and ~/.ssh; the server's own must be in ~/.ssh/known_hosts.
    """

    def __init__(self, address: str, host: str, port: int | None, user: str | None):
        self.address, self.host = address, host
        given = {"port": port, "username": user}
        self.options = {name: value for name, value in given.items() if value is not None}
        self.connecting = threading.Lock()
        self.client: SFTPClient | None = None

    def do(self, work: "Callable[[SFTPClient], Coroutine[Any, Any, T]]", what: str) -> T:
        """What `work` gives, begun again on a new connection if this one is lost; `what` is what it is about.

        Raises FileNotFoundError for a file that is not there, `DirectoryError` for all else that goes wrong.
        """
        import asyncssh

        lost = (asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, ConnectionError)
        client = self._connected()
        try:
            try:
                return _in_loop(work(client))
            except lost:
                return _in_loop(work(self._connected(instead_of=client)))
        except asyncssh.SFTPNoSuchFile as error:
            raise FileNotFoundError(f"there is no {what}") from error
        except (asyncssh.Error, OSError) as error:
            if isinstance(error, DirectoryError):
                raise
            raise DirectoryError(f"{self._failed(error, what)} {INTACT}") from error

    def _connected(self, instead_of: "SFTPClient | None" = None) -> "SFTPClient":
        with self.connecting:
            if self.client is None or self.client is instead_of:
                self.client = _in_loop(self._connect())
            return self.client

    async def _connect(self) -> "SFTPClient":
        import asyncssh

        try:
            connection = await asyncssh.connect(
                self.host,
                **self.options,
                connect_timeout=SECONDS_TO_CONNECT,
                keepalive_interval=SECONDS_OF_SILENCE,
            )
            weakref.finalize(self, _close, connection)
            return await connection.start_sftp_client()
        except (asyncssh.Error, OSError, ValueError) as error:
            raise DirectoryError(f"{self._refused(error)} {INTACT}") from error

    def _refused(self, error: Exception) -> str:
        import asyncssh

        told = f"`runs` must be a server that can be used; got {self.address!r}"
        if isinstance(error, asyncssh.PermissionDenied):
            return (
                f"{told}, which refused the login ({error.reason}). Load the right key into an SSH agent, or name it "
                "and the user in ~/.ssh/config."
            )
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return (
                f"{told}, whose key is not the one in ~/.ssh/known_hosts ({error.reason}). Ask who runs the server for "
                f"the key's fingerprint, then connect once with `ssh {self.host}`."
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return f"{told}, which cannot be reached ({reason}). Look at its name, its port and the network."

    def _failed(self, error: Exception, what: str) -> str:
        import asyncssh

        where = f"{self.address}/{what}" if what else self.address
        if isinstance(error, asyncssh.SFTPPermissionDenied):
            return f"`runs` must be a folder that you may use; the server refused {where!r} (Permission denied)."
        if isinstance(error, asyncssh.SFTPOpUnsupported):
            return f"`runs` must be on a server that can rename over a file (posix-rename), which {self.host} cannot."
        if isinstance(error, asyncssh.SFTPError):
            return (
                f"`runs` must be a folder that can be written to and has room; got {error.reason or 'Failure'!r} from "
                f"the server for {where!r}, as a full disk or a file in the place of a folder gives it."
            )
        return f"`runs` must stay reachable; the connection to {self.host} was lost ({error})."


def _close(connection: "SSHClientConnection") -> None:
    _loop().call_soon_threadsafe(connection.abort)


@lru_cache
def _loop() -> asyncio.AbstractEventLoop:
    """One loop, in a thread of its own, for all connections of this process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="mesascope-sftp", daemon=True).start()
    return loop


def _in_loop(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()
