"""Named arrays and what they belong to, in one file that is read back whole or not at all."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from mesascope.files import write_atomically

HEADER, DIGEST = "mesascope", "sha256"
COMPLEX = ":complex128"  # not a number of safetensors: an array named so ends in an axis (real, imaginary)


class UnusableFile(ValueError):
    """A file at `path` that is damaged, foreign, or belongs to another configuration; it is left as it is."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path} cannot be used: it {reason}. Move it away, or name another file.")
        self.path, self.reason = path, reason


def save_arrays(path: Path, arrays: dict[str, np.ndarray], header: Any) -> None:
    """Write arrays and a JSON-ready header to `path`, atomically, with the SHA-256 of both.

    Raises ValueError for an array that is not numbers, OSError when it cannot be written.
    """
    stored = dict(_stored_form(name, np.asarray(array)) for name, array in arrays.items())
    text = json.dumps(header)
    write_atomically(path, safetensors.numpy.save(stored, metadata={HEADER: text, DIGEST: _digest(stored, text)}))


def load_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Read what `save_arrays` wrote.

    Raises `UnusableFile` when it is truncated, altered, not safetensors, or not this program's; FileNotFoundError.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            text, digest = metadata[HEADER], metadata[DIGEST]
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not iterable)
        header = json.loads(text)
    except (FileNotFoundError, PermissionError):
        raise
    except (safetensors.SafetensorError, KeyError, TypeError, AttributeError, json.JSONDecodeError, OSError) as error:
        raise UnusableFile(path, f"is damaged or was not written by mesascope ({error})") from error
    if digest != _digest(stored, text):
        raise UnusableFile(path, "was altered after it was written (its SHA-256 is another)")
    return dict(_original_form(name, array) for name, array in stored.items()), header


def _stored_form(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    if array.dtype == np.complex128:
        return name + COMPLEX, np.stack([np.real(array), np.imag(array)], axis=-1)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"`arrays` must hold numbers; got {array.dtype} in {name!r}.")
    return name, np.asarray(array, order="C")  # not ascontiguousarray, which gives a scalar an axis


def _original_form(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    if name.endswith(COMPLEX):
        return name.removesuffix(COMPLEX), array.view(np.complex128)[..., 0]
    return name, array


def _digest(arrays: dict[str, np.ndarray], header: str) -> str:
    digest = hashlib.sha256(header.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
