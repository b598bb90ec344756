"""Servers for tests of stores: a real OpenSSH server, and a process that speaks S3's protocol; both on the loopback."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mesascope.runs import place

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
WITH_ITS_OWN_RUN = 'mount -t tmpfs none /run && mkdir /run/sshd && exec "$@"'  # in a mount namespace of its own
LITTLE_ROOM = "trap '' XFSZ; ulimit -f 12"  # a limit on the size of files, in blocks of 512 or 1024 bytes


class Server(NamedTuple):
    """Where it listens, its process, and the variables with which a client finds it and its keys."""

    port: int
    process: subprocess.Popen
    environment: dict[str, str]


def missing_sftp() -> str:
    """Why there can be no SFTP server here; nothing if there can."""
    if SSHD is None or shutil.which("ssh-keygen") is None:
        return "there is no OpenSSH server here"
    try:
        import asyncssh  # noqa: F401
    except ImportError:
        return "the extra `sftp` is not installed"
    return ""


def missing_s3() -> str:
    """Why there can be no server of S3's protocol here; nothing if there can."""
    try:
        import moto.server  # noqa: F401
        import s3fs  # noqa: F401
    except ImportError:
        return "the extra `s3` or moto's server is not installed"
    return ""


@contextmanager
def sftp_server(folder: Path, *options: str, before: str = ":") -> Iterator[Server]:
    """An sshd with keys and a configuration of its own; `folder` becomes the home whose ~/.ssh knows it.

    `options` are those of its SFTP server; a shell does what `before` says and becomes the sshd.
    """
    port, ssh = free_port(), folder / ".ssh"
    ssh.mkdir(mode=0o700, parents=True, exist_ok=True)
    for key in (folder / "host", ssh / "id_ed25519"):
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    with (ssh / "known_hosts").open("a") as known:
        known.write(f"[127.0.0.1]:{port} {host_key}\n")
    lines = [
        *(f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host'}", "PidFile none", "StrictModes no"),
        *(f"AuthorizedKeysFile {ssh / 'id_ed25519.pub'}", "UsePAM no", "PasswordAuthentication no"),
        *("KbdInteractiveAuthentication no", f"Subsystem sftp internal-sftp {' '.join(options)}"),
    ]
    (folder / f"config-{port}").write_text("\n".join(lines) + "\n")
    command = ["sh", "-c", f'{before}; exec "$@"', "sh", SSHD, "-D", "-e", "-f", folder / f"config-{port}"]
    if os.geteuid() == 0 and not os.path.isdir("/run/sshd"):  # which sshd asks for where it runs as root
        command = ["unshare", "-m", "sh", "-c", WITH_ITS_OWN_RUN, "sh", *command]
    environment = {"HOME": str(folder), "SSH_AUTH_SOCK": "", "XDG_CACHE_HOME": str(folder / "cache")}
    yield from _served(command, port, environment, folder / "sshd.log")


@contextmanager
def s3_server(folder: Path) -> Iterator[Server]:
    """A server process that speaks S3's protocol, and keeps everything in its memory."""
    port = free_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    yield from _served(command, port, environment, folder / "moto.log")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _served(command: list, port: int, environment: dict, log: Path) -> Iterator[Server]:
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_for(port, process, log)
            yield Server(port, process, environment)
        finally:
            place._remote.cache_clear()  # which ends connections, and with them what the server started for each
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
