"""Checkpoints: named arrays and the configuration they belong to, in one safetensors file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from mesascope.files import write_atomically

HEADER = "mesascope"


def save_arrays(path: Path, arrays: dict[str, np.ndarray], header: Any) -> None:
    """Write arrays and a JSON-ready header to `path`, atomically."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, safetensors.numpy.save(contiguous, metadata={HEADER: json.dumps(header)}))


def load_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Read what `save_arrays` wrote.

    Raises ValueError naming the file when it is truncated, not safetensors, or not this program's.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            return {name: file.get_tensor(name) for name in file.keys()}, header
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged or was not written by mesascope ({error}). Move it away.") from error
