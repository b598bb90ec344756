"""Stored predictions as a subject: a file of prompts and of what a model answered, of which nothing is run."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from mesascope.arrays import HEADER, UnusableFile, load_arrays, save_arrays
from mesascope.subject import AbstractSubject, SubjectError
from mesascope.validation import check_finite_array, check_numbers

AXES = {"xs": "[b n dx]", "ys": "[b n dy]", "queries": "[b m dx]", "predictions": "[b m dy]"}
KIND = "predictions"


class StoredPredictions(AbstractSubject):
    """What a model answered to b prompts of m queries; it offers these questions, and answers no others.

    Prompts and queries are looked up by their numbers, exactly; of a question that is stored twice, the first
    answer is given. ValueError unless the shapes belong together and all numbers are finite and of 32 bits or more.
    """

    def __init__(
        self,
        xs: np.ndarray,
        ys: np.ndarray,
        queries: np.ndarray,
        predictions: np.ndarray,
        *,
        metadata: dict[str, Any] | None = None,
        name: str | None = None,
    ):
        arrays = dict(zip(AXES, map(np.asarray, (xs, ys, queries, predictions)), strict=True))
        _check(arrays)
        self.xs, self.ys, self.queries, self.answers = arrays.values()
        self.metadata = metadata or {}
        self.name = name or str(self.metadata.get("name", "stored predictions"))
        self.num_examples, self.dim_x, self.dim_y = self.xs.shape[1], self.xs.shape[2], self.ys.shape[2]
        self._places: dict[bytes, tuple[int, int]] = {}
        for i, prompt in enumerate(zip(self.xs, self.ys, self.queries, strict=True)):
            for j, question in enumerate(_questions(*prompt)):
                self._places.setdefault(question, (i, j))

    @classmethod
    def read(cls, path: Path | str) -> "StoredPredictions":
        """Of a safetensors or npz file with the arrays xs, ys, queries and predictions, whoever wrote it.

        `UnusableFile`, a ValueError, for one that is damaged or lacks an array; FileNotFoundError where there is none.
        """
        path = Path(path)
        arrays, metadata = _read_npz(path) if path.suffix == ".npz" else _read_safetensors(path)
        if missing := [name for name in AXES if name not in arrays]:
            wanted = ", ".join(f"{name} {axes}" for name, axes in AXES.items())
            raise UnusableFile(path, f"has no array {missing[0]!r}; stored predictions are {wanted}")
        try:
            return cls(*(arrays[name] for name in AXES), metadata=metadata)
        except ValueError as error:
            raise UnusableFile(path, f"holds no predictions: {str(error).rstrip('.')}") from error

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        answers = np.empty((*queries.shape[:2], self.answers.shape[2]), self.answers.dtype)
        for i, prompt in enumerate(zip(xs, ys, queries, strict=True)):
            for j, question in enumerate(_questions(*prompt)):
                if question not in self._places:
                    raise SubjectError(
                        f"`{self.name}` must be asked what is stored, {len(self._places)} questions of "
                        f"xs {self.xs.shape[1:]}; got another one, query {j} of prompt {i}. Ask "
                        "`subject.xs`, `subject.ys`, `subject.queries`.",
                        {"xs": xs[i : i + 1], "ys": ys[i : i + 1], "queries": queries[i : i + 1]},
                    )
                answers[i, j] = self.answers[self._places[question]]
        return answers


def save_predictions(
    path: Path | str,
    xs: np.ndarray,
    ys: np.ndarray,
    queries: np.ndarray,
    predictions: np.ndarray,
    *,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Write what `StoredPredictions.read` reads, as safetensors with a checksum, or as `.npz`; `metadata` is JSON.

    ValueError unless the shapes belong together and all numbers are finite; OSError where the file cannot be written.
    """
    path, metadata = Path(path), metadata or {}
    arrays = dict(zip(AXES, map(np.asarray, (xs, ys, queries, predictions)), strict=True))
    _check(arrays)
    if path.suffix == ".npz":
        np.savez(path, metadata=np.array(json.dumps(metadata)), **arrays)  # pyright: ignore[reportArgumentType]
    else:
        save_arrays(path, arrays, {"kind": KIND, "metadata": metadata})


def _check(arrays: dict[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        check_numbers(name, array, AXES[name])
        check_finite_array(name, array)
    shapes = [array.shape for array in arrays.values()]
    (xs, ys, queries, predictions), wanted = shapes, ", ".join(f"`{name}` {axes}" for name, axes in AXES.items())
    sizes = {"b": xs[:1], "n": xs[1:2], "dx": xs[2:], "dy": ys[2:], "m": queries[1:2]}
    expected = [sum((sizes[axis] for axis in axes.strip("[]").split()), ()) for axes in AXES.values()]
    if shapes != expected or any(len(shape) != 3 for shape in shapes) or 0 in (*predictions, *queries):
        raise ValueError(f"stored predictions must be {wanted}; got {', '.join(map(str, shapes))}.")


def _questions(xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> list[bytes]:
    """A prompt with each of its queries, as bytes that are alike where the numbers are, in whatever precision."""
    xs, ys, queries = (each.astype(complex) + 0 for each in (xs, ys, queries))  # 0 is added for the sign of zeros
    context = repr((xs.shape, ys.shape)).encode() + xs.tobytes() + ys.tobytes()
    return [hashlib.sha256(context + query.tobytes()).digest() for query in queries]


def _read_npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, json.loads(str(arrays.pop("metadata", "{}")))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UnusableFile(path, f"is damaged or no file of arrays ({error})") from error


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if HEADER not in metadata_of(path):
        return safetensors.numpy.load_file(path), {}
    arrays, header = load_arrays(path)
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise UnusableFile(path, "holds something else of mesascope's, no predictions")
    return arrays, header["metadata"]


def metadata_of(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself; `UnusableFile` for a file that is none."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except FileNotFoundError:
        raise
    except (safetensors.SafetensorError, OSError) as error:
        raise UnusableFile(path, f"is damaged or no safetensors file ({error})") from error
