"""A bucket of a server that speaks S3's protocol, as a place of results."""

import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mesascope.extras import check_extra
from mesascope.runs.address import s3_address
from mesascope.runs.directory import INTACT, DirectoryError
from mesascope.runs.place import File
from mesascope.runs.remote import AbstractRemote

T = TypeVar("T")
_FULL = ("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507")


class S3(AbstractRemote):
    """s3://bucket/prefix, of a bucket that is there, at the endpoint and with the keys that AWS's variables name.

    An object is put whole or not at all. A lock is an object that is put only where none is (If-None-Match), held as a
    lease; one that ran out changes hands only while it is the one that was seen (If-Match), so that one process gets
    it. A server that ignores these conditions holds nothing apart: processes may do the same work twice.
    """

    def __init__(self, address: str):
        check_extra("s3")
        super().__init__(address)
        self.bucket, self.prefix = s3_address(address)
        import s3fs

        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
        self.client = s3fs.S3FileSystem(endpoint_url=endpoint, use_listings_cache=False)

    def exists(self, name: str) -> bool:
        try:
            self._call("head_object", name)
            return True
        except FileNotFoundError:
            return False

    def files(self) -> Iterator[File]:
        found: Any = self._do(lambda: self.client.find(f"{self.bucket}/{self.prefix}", detail=True), "")
        for path, told in found.items():
            name = path.removeprefix(f"{self.bucket}/{self.prefix}").lstrip("/")
            yield File(name, told["size"], told["LastModified"].timestamp())

    def read(self, name: str, num_bytes: int | None = None) -> bytes:
        path, start = f"{self.bucket}/{self._key(name)}", None if num_bytes is None else 0
        content: Any = self._do(lambda: self.client.cat_file(path, start=start, end=num_bytes), name)
        return content

    def write(self, name: str, content: bytes) -> None:
        self._do(lambda: self.client.pipe_file(f"{self.bucket}/{self._key(name)}", content), name)

    def create(self, name: str, content: bytes) -> bool:
        if not self._put_if(name, content, IfNoneMatch="*"):
            return False
        return self.read(name) == content  # of a server that ignores the condition, the last one stays

    def exchange(self, name: str, content: bytes, was: bytes) -> bool:
        try:
            tag = self._call("head_object", name)["ETag"]
            return self.read(name) == was and self._put_if(name, content, IfMatch=tag)
        except FileNotFoundError:
            return False

    def unlink(self, name: str) -> None:
        self._call("delete_object", name)

    def move(self, name: str, new: str) -> None:
        self._call("copy_object", new, CopySource={"Bucket": self.bucket, "Key": self._key(name)})
        self.unlink(name)

    def _put_if(self, name: str, content: bytes, **condition: str) -> bool:
        def put() -> bool:
            try:
                self.client.call_s3("put_object", Bucket=self.bucket, Key=self._key(name), Body=content, **condition)
                return True
            except OSError as error:
                if _code(error) in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                    return False
                raise

        return self._do(put, name)

    def _call(self, method: str, name: str, **words: Any) -> Any:
        return self._do(lambda: self.client.call_s3(method, Bucket=self.bucket, Key=self._key(name), **words), name)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _do(self, work: Callable[[], T], what: str) -> T:
        """What `work` gives; FileNotFoundError for an object that is not there, `DirectoryError` for all else."""
        from botocore.exceptions import BotoCoreError

        try:
            return work()
        except FileNotFoundError as error:
            if _code(error) != "NoSuchBucket":
                raise
            raise DirectoryError(f"{self._failed(error, what)} {INTACT}") from error
        except (BotoCoreError, OSError) as error:
            raise DirectoryError(f"{self._failed(error, what)} {INTACT}") from error

    def _failed(self, error: Exception, what: str) -> str:
        code, reason = _code(error), str(error).rstrip(".")
        if code == "NoSuchBucket":
            return f"`runs` must name a bucket that is there; got {self.url!r}. Make the bucket, or name another."
        if code in _FULL:
            return f"`runs` must have room; the server has none left for {what!r} ({reason})."
        if isinstance(error, PermissionError) or "redentials" in reason:
            return (
                f"`runs` must be a bucket that you may use; the server refused {self.url!r} ({reason}). Look at "
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and at your rights in the bucket."
            )
        return (
            f"`runs` must be a bucket that can be used; got {self.url!r} ({reason}). Look at AWS_ENDPOINT_URL, "
            "AWS_DEFAULT_REGION and the network."
        )


def _code(error: BaseException | None) -> str:
    """The code of S3's answer behind an error; none if the server did not answer."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        error = error.__cause__
    return ""
