"""Stored results of other versions, precisions and generators of random numbers, to be read beside this one's."""

import json
from functools import cached_property
from typing import Any

from mesascope.arrays import UnusableFile
from mesascope.configuration import describe, fingerprint
from mesascope.runs.archive import FORMAT, Archive, is_result
from mesascope.study.cell import AbstractConfig, PlacedCell


class AnyVersion(Archive):
    """Results found by what they were computed from: that of this version where it is there, else the newest one.

    A configuration that another version wrote in other fields is another one.
    """

    def name(self, cell: PlacedCell) -> str:
        """The name of this version's file, or of what another version computed from the same configuration."""
        own = super().name(cell)
        return own if self.place.exists(own) else self._newest.get((cell.owner, _digest(cell.config)), own)

    def identity(self, cell: PlacedCell) -> dict[str, Any]:
        """Without the key, which the version is a part of."""
        return {"format": FORMAT, "study": cell.owner}

    @cached_property
    def _newest(self) -> dict[tuple[str, str], str]:
        """The name of the newest result of every configuration, by the owner's name and the configuration's digest."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for name in (file.name for file in self.place.files() if is_result(file.name)):
            try:
                _, header = self.load(name)
                whose = name.split("/")[0], fingerprint(json.loads(json.dumps(header["config"])))
                finished = str(header["provenance"]["finished"])
            except (UnusableFile, FileNotFoundError, LookupError, TypeError):  # no result
                continue
            if whose not in found or found[whose][0] < finished:
                found[whose] = finished, name
        return {whose: name for whose, (_, name) in found.items()}


def _digest(config: AbstractConfig) -> str:
    return fingerprint(json.loads(json.dumps(describe(config))))
