"""Stored results of other versions, precisions and generators of random numbers, to be read beside this one's."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from mesascope.arrays import UnusableFile, load_arrays
from mesascope.configuration import describe, fingerprint
from mesascope.runs.archive import FORMAT, Archive
from mesascope.study.cell import PlacedCell


class AnyVersion(Archive):
    """Results found by what they were computed from: that of this version where it is there, else the newest one.

    A configuration that another version wrote in other fields is another one.
    """

    def path(self, cell: PlacedCell) -> Path:
        """The file of a cell's result, or of what another version computed from the same configuration."""
        own = super().path(cell)
        return own if own.exists() else self._newest.get((cell.owner, _name(describe(cell.config))), own)

    def identity(self, cell: PlacedCell) -> dict[str, Any]:
        """Without the key, which the version is a part of."""
        return {"format": FORMAT, "study": cell.owner}

    @cached_property
    def _newest(self) -> dict[tuple[str, str], Path]:
        """The newest result of every configuration, by the owner's name and the configuration's."""
        found: dict[tuple[str, str], tuple[str, Path]] = {}
        for path in self.directory.glob("*/*.safetensors"):
            try:
                _, header = load_arrays(path)
                place = path.parent.name, _name(header["config"])
                finished = str(header["provenance"]["finished"])
            except (UnusableFile, FileNotFoundError, LookupError, TypeError):  # no result
                continue
            if place not in found or found[place][0] < finished:
                found[place] = finished, path
        return {place: path for place, (_, path) in found.items()}


def _name(config: Any) -> str:
    return fingerprint(json.loads(json.dumps(config)))
