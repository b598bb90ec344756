"""Stored results, to be read."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from mesascope.arrays import UnusableFile, load_arrays, packed
from mesascope.configuration import describe, fingerprint
from mesascope.runs.address import Address
from mesascope.runs.place import AbstractPlace, place_of
from mesascope.study.cell import Arrays, PlacedCell, Report

FORMAT = 2
LONGEST = 1e10  # seconds: three centuries


class MissingResult(LookupError):
    """A result that was to be read is not there, or is damaged."""


class Result(NamedTuple):
    """A cell's arrays and how they came about."""

    arrays: Arrays
    provenance: dict[str, Any]


class Archive:
    """Results in files owner/key.safetensors of a place, owned by a study or "shared". Nothing is run or moved."""

    def __init__(self, directory: Address | AbstractPlace):
        self.place = directory if isinstance(directory, AbstractPlace) else place_of(directory)

    @property
    def directory(self) -> Address:
        """The folder, or the address of another place."""
        return self.place.address

    def num_results(self) -> int:
        """How many results there are."""
        return sum(is_result(file.name) for file in self.place.files())

    def name(self, cell: PlacedCell) -> str:
        """The name of the file of a cell's result, in its place."""
        return name_of(cell)

    def path(self, cell: PlacedCell) -> Address:
        """Where a cell's result lies."""
        return self.place.located(self.name(cell))

    def holds(self, cell: PlacedCell) -> bool:
        """Whether there is a file of a cell's result."""
        return self.place.exists(self.name(cell))

    def load(self, name: str) -> tuple[Arrays, Any]:
        """The arrays and the header of a file; raises FileNotFoundError, and `UnusableFile` for a damaged one."""
        with self.place.opened(name) as path:
            try:
                return load_arrays(path)
            except UnusableFile as error:
                raise UnusableFile(self.place.located(name), error.reason) from error

    def identity(self, cell: PlacedCell) -> dict[str, Any]:
        """What a file says of itself, if it holds this cell's result."""
        return {"format": FORMAT, "study": cell.owner, "key": cell.key}

    def read(self, cell: PlacedCell) -> Result:
        """A stored result; raises FileNotFoundError, and `UnusableFile` for a damaged file or another cell's."""
        path = self.path(cell)
        arrays, header = self.load(self.name(cell))
        if not isinstance(header, dict) or not is_provenance(header.get("provenance")):
            raise UnusableFile(path, "is not a result")
        expected = {**self.identity(cell), "config": describe(cell.config)}
        if fingerprint({name: header.get(name) for name in expected}) != fingerprint(expected):
            raise UnusableFile(path, "holds the result of another cell, or is of another format")
        listed = listing(arrays)
        if header.get("arrays", listed) != listed:
            raise UnusableFile(path, "does not hold the arrays that it says it holds")
        return Result(arrays, header["provenance"])

    def unlisted(self, cells: Iterable[PlacedCell]) -> list[Address]:
        """Files of cells that do not list their arrays, so that nothing says that none is missing."""
        return [self.path(cell) for cell in cells if "arrays" not in self.load(self.name(cell))[1]]

    def write(self, cell: PlacedCell, result: Result) -> None:
        """Write a result, whole or not at all; OSError when it cannot be written."""
        arrays = {name: np.asarray(array) for name, array in result.arrays.items()}
        told = {"label": cell.label, "config": describe(cell.config), "provenance": result.provenance}
        header = {**self.identity(cell), **told, "arrays": listing(arrays)}
        self.place.write(self.name(cell), packed(arrays, header))

    def get_or_run(self, cell: PlacedCell, report: Report) -> Arrays:
        """The stored result of a cell; raises `MissingResult` when there is none to read."""
        try:
            arrays = self.read(cell).arrays
        except (FileNotFoundError, UnusableFile) as error:
            reason = str(error) if isinstance(error, UnusableFile) else f"{self.directory} has none."
            raise MissingResult(f"there is no result of {cell.owner}, {cell.label}, to read: {reason}") from error
        report(1, 1, "stored")
        return arrays


def name_of(cell: PlacedCell) -> str:
    """The name of the file of a cell's result."""
    return f"{cell.owner}/{cell.key}.safetensors"


def is_result(name: str) -> bool:
    """Whether a file lies where results do."""
    return name.count("/") == 1 and fnmatchcase(name, "*/*.safetensors")


def is_provenance(value: Any) -> bool:
    """Whether this says how a result came about."""
    seconds = value.get("seconds") if isinstance(value, dict) else None
    return isinstance(seconds, int | float) and 0 <= seconds < LONGEST


def listing(arrays: Arrays) -> dict[str, Any]:
    """What arrays there are; results that were stored before it was kept have no such list."""
    return {name: [str(array.dtype), *array.shape] for name, array in arrays.items()}
