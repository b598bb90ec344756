"""Named arrays and what they belong to, in one file that is read back whole or not at all."""

import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from mesascope.files import write_atomically

HEADER, DIGEST = "mesascope", "sha256"
LENGTH, FIRST_BYTES, LONGEST_HEADER = 8, 1 << 16, 100_000_000  # in bytes: of safetensors' length, and its own limit
# What safetensors has no numbers for, or only lately, ends in an axis (real, imaginary), its name in ":" and the dtype.
STORED_AS = {"complex128": np.float64, "complex64": np.float32}
# What reading bytes that somebody else has written raises: no such name, dtype or nesting, numbers too long, ...
_NOT_OURS = (
    *(safetensors.SafetensorError, OSError, LookupError),
    *(TypeError, ValueError, AttributeError, RecursionError),
)


class UnusableFile(ValueError):
    """A file at `path` that is damaged, foreign, or belongs to another configuration; it is left as it is."""

    def __init__(self, path: Path | str, reason: str):
        super().__init__(f"{path} cannot be used: it {reason}. Move it away, or name another file.")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[Any, ...]:
        return UnusableFile, (self.path, self.reason)  # as other processes get it


def save_arrays(path: Path, arrays: dict[str, np.ndarray], header: Any) -> None:
    """Write arrays and a JSON-ready header to `path`, atomically, with the SHA-256 of both.

    Raises ValueError for an array that is not numbers, OSError when it cannot be written.
    """
    write_atomically(path, packed(arrays, header))


def packed(arrays: dict[str, np.ndarray], header: Any) -> bytes:
    """The content of such a file; ValueError for an array that is not numbers."""
    stored = dict(_stored_form(name, np.asarray(array)) for name, array in arrays.items())
    text = json.dumps(header)
    return safetensors.numpy.save(stored, metadata={HEADER: text, DIGEST: _digest(stored, text)})


def load_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Read what `save_arrays` wrote.

    Raises `UnusableFile` when it cannot be read, is truncated, altered, not safetensors, or not this program's;
    FileNotFoundError when nothing is there.
    """
    _check_readable(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            text, digest = metadata[HEADER], metadata[DIGEST]
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not iterable)
        header, intact = json.loads(text), digest == _digest(stored, text)
        arrays = dict(_original_form(name, array) for name, array in stored.items())
    except _NOT_OURS as error:
        raise UnusableFile(path, f"is damaged or was not written by mesascope ({error})") from error
    if not intact:
        raise UnusableFile(path, "was altered after it was written (its SHA-256 is another)")
    return arrays, header


def read_header(read: Callable[[int], bytes]) -> tuple[Any, bool]:
    """The header of such a file, without its arrays, and whether it keeps a checksum; `read` gives its first bytes.

    Nothing is checked. Raises ValueError where there is no header.
    """
    first = read(FIRST_BYTES)
    num_bytes = LENGTH + int.from_bytes(first[:LENGTH], "little")
    if num_bytes > LONGEST_HEADER:
        raise ValueError("its first bytes are not those of a header")
    try:
        metadata = json.loads((first if num_bytes <= len(first) else read(num_bytes))[LENGTH:num_bytes])["__metadata__"]
        return json.loads(metadata[HEADER]), metadata.keys() != {HEADER}
    except _NOT_OURS as error:
        raise ValueError(f"it has no header of mesascope's ({type(error).__name__})") from error


def _check_readable(path: Path) -> None:
    """Raise FileNotFoundError where nothing is, `UnusableFile` for what cannot be read, which safetensors mixes up."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UnusableFile(path, "is no file")
        open(path, "rb").close()
    except FileNotFoundError as error:
        if os.path.islink(path):
            raise UnusableFile(path, "is a link to a file that is not there") from error
        raise
    except OSError as error:
        raise UnusableFile(path, f"cannot be read ({error.strerror})") from error


def _stored_form(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """In C's order and the machine's bytes, whatever order and strides the array has."""
    if array.dtype.kind not in "biufc":
        raise ValueError(f"`arrays` must hold numbers; got {array.dtype} in {name!r}.")
    if array.dtype.name in ("longdouble", "clongdouble", "float128", "complex256"):
        raise ValueError(f"`arrays` must hold numbers of at most 64 bits a part; got {array.dtype} in {name!r}.")
    if name.rpartition(":")[2] in STORED_AS:
        raise ValueError(f"`arrays` must have no name that ends in a dtype; got {name!r}.")
    array = np.array(array, array.dtype.newbyteorder("="), order="C", copy=None)
    if array.dtype.name not in STORED_AS:
        return name, array
    parts = array.reshape(-1).view(STORED_AS[array.dtype.name])
    return f"{name}:{array.dtype.name}", parts.reshape(*array.shape, 2)


def _original_form(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    plain, _, dtype = name.rpartition(":")
    if dtype not in STORED_AS:
        return name, array
    return plain, array.reshape(-1).view(dtype).reshape(array.shape[:-1])


def _digest(arrays: dict[str, np.ndarray], header: str) -> str:
    digest = hashlib.sha256(header.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
