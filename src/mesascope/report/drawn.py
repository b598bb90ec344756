"""Whether a study's figures are drawn already: from the same numbers, by the same code."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np

import mesascope
from mesascope.files import write_atomically

RECORD = ".drawn.json"


def digest(results: Iterable[Mapping[str, np.ndarray]], settings: str) -> str:
    """SHA-256 of what figures are drawn from: arrays, settings, this package's code, matplotlib's version."""
    found = hashlib.sha256(f"{settings}\n{_code()}\n{metadata.version('matplotlib')}".encode())
    for arrays in results:
        for name, array in sorted(arrays.items()):
            found.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
            found.update(array.tobytes())
    return found.hexdigest()


def drawn(directory: Path, digest: str) -> list[Path] | None:
    """The figures in a directory, if they were drawn from this and are all there; else None."""
    try:
        record = json.loads((directory / RECORD).read_text())
        paths = [directory / name for name in record["figures"]]
        return paths if record["digest"] == digest and all(path.is_file() for path in paths) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # missing, or not a record of ours
        return None


def record(directory: Path, digest: str, paths: Iterable[Path]) -> None:
    """Note what the figures in a directory were drawn from."""
    content = {"digest": digest, "figures": [path.name for path in paths]}
    write_atomically(directory / RECORD, json.dumps(content).encode())


@lru_cache
def _code() -> str:
    """SHA-256 of every file of this package."""
    found = hashlib.sha256()
    for folder in mesascope.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()
