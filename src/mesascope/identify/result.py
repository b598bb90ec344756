"""What `identify` found: plain data that prints, is drawn, is kept in a file and read back."""

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mesascope.identify.layers import Layers
from mesascope.identify.mixture import Mixture
from mesascope.identify.profile import Interval
from mesascope.identify.symmetries import Symmetries
from mesascope.identify.untrained import Untrained
from mesascope.identify.verdict import Verdict
from mesascope.probes.spectral_response import SpectralResponse
from mesascope.stats import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Row(NamedTuple):
    """A candidate: its best parameters, and its distance on fresh prompts in distribution.

    `difference` is how much farther it is than the choice, on the same prompts. `intervals`, and the `counts` of steps
    that are as near, are of the choice alone.
    """

    name: str
    says: str
    parameters: Mapping[str, Any]
    num_steps: int | None
    num_free: int
    delta: Estimate
    difference: Estimate
    at_bound: tuple[str, ...] = ()
    intervals: Mapping[str, Interval] = {}
    counts: tuple[int, ...] = ()


class LawRow(NamedTuple):
    """A law of prompts: the distances of the choice and of the runner-up there, their parameters as they were.

    `separation` is how far the runner-up stays from the choice there, fitted anew; nan where it was not asked.
    """

    law: str
    choice: Estimate
    runner_up: Estimate | None
    top_share: float
    by_median: bool
    separation: float = float("nan")


@dataclasses.dataclass(frozen=True, repr=False)
class Identification:
    """The verdict on a subject and all that it rests on; `print` shows one screen, `figure()` the pictures."""

    subject: str
    task: Mapping[str, Any]
    budget: str
    verdict: Verdict
    rows: tuple[Row, ...]
    laws: tuple[LawRow, ...]
    floor: float
    num_prompts: Mapping[str, int]
    mixture: Mixture | None = None
    symmetries: Symmetries = dataclasses.field(default_factory=Symmetries)
    layers: Layers | None = None
    untrained: Untrained | None = None
    responses: Mapping[str, SpectralResponse] = dataclasses.field(default_factory=dict)
    """Spectral responses of the choice and of the runner-up, at the knots of the subject's own."""
    notes: tuple[str, ...] = ()
    made_with: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The version, the key's numbers, the lengths, and what was searched of every candidate."""

    @property
    def choice(self) -> Row:
        """The candidate that the verdict is about."""
        return self.row(self.verdict.members[0])

    def row(self, name: str) -> Row:
        """A candidate's row, by its name."""
        return next(row for row in self.rows if row.name == name)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Those of the choice, in natural units, whatever the verdict on it."""
        return self.choice.parameters

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        from mesascope.identify.words import sentence

        return sentence(self)

    def figure(self, width: float = 17.0) -> "Figure":
        """Distances under every law, the spectral response, and layers against steps, `width` cm wide."""
        from mesascope.identify.panels import figure

        return figure(self, width)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, whose header is JSON; `load_identification` reads it."""
        from mesascope.identify.saving import save

        save(self, Path(path))

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        from mesascope.identify.saving import as_json

        return as_json(self)

    def to_csv(self) -> str:
        """A table of distances."""
        from mesascope.identify.saving import as_csv

        return as_csv(self)

    def __repr__(self) -> str:
        from rich.console import Console

        from mesascope.identify.words import screen

        console = Console(file=io.StringIO(), width=110, force_terminal=False, force_jupyter=False)
        console.print(screen(self))
        assert isinstance(console.file, io.StringIO)
        return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(repr(self))}</pre>"


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and lists in place of numpy's."""
    return {name: np.asarray(value).tolist() for name, value in parameters.items()}
