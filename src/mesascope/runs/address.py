"""What names a place of results: a folder as a path, a server's as text; what is wrong with one is told at once."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

Address = Path | str


class SftpAddress(NamedTuple):
    """sftp://[user@]host[:port]/path; a path without a leading slash lies in the user's home."""

    host: str
    port: int | None
    user: str | None
    path: str


class S3Address(NamedTuple):
    """s3://bucket/prefix; the prefix may be empty."""

    bucket: str
    prefix: str


def address(text: str) -> Address:
    """What text names: a folder, or a URL as it stands; ValueError for a URL that names no place of results."""
    scheme, found, _ = text.partition("://")
    if not found:
        return Path(text)
    if scheme == "sftp":
        sftp_address(text)
    elif scheme == "s3":
        s3_address(text)
    else:
        raise ValueError(
            f"`runs` must be a folder, sftp://[user@]host[:port]/path or s3://bucket/prefix; got {text!r}. "
            "Name one of them."
        )
    return text


def sftp_address(text: str) -> SftpAddress:
    """The parts of such an address; ValueError where one is missing, or a password stands in it."""
    parts = urlsplit(text)
    path = unquote(parts.path).rstrip("/")
    if parts.hostname and parts.password is None and path.strip("/") and _has_port(text):
        return SftpAddress(parts.hostname, parts.port, parts.username, path.removeprefix("/~/"))
    raise ValueError(
        f"`runs` must read sftp://[user@]host[:port]/path, without a password; got {_without_key(text)!r}. "
        "Keys belong into an SSH agent or ~/.ssh/config."
    )


def s3_address(text: str) -> S3Address:
    """The parts of such an address; ValueError where the bucket is missing, or a key stands in it."""
    bucket, _, prefix = text.removeprefix("s3://").rstrip("/").partition("/")
    if bucket and "@" not in bucket and ":" not in bucket:
        return S3Address(bucket, prefix)
    raise ValueError(
        f"`runs` must read s3://bucket/prefix, without a key; got {_without_key(text)!r}. "
        "Keys belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws."
    )


def _has_port(text: str) -> bool:
    """Whether the port is a number, or left out."""
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False


def _without_key(text: str) -> str:
    """The address without what stands before its host, if that holds a secret."""
    scheme, _, rest = text.partition("://")
    secret, found, host = rest.rpartition("@")
    return f"{scheme}://...@{host}" if found and ":" in secret else text
