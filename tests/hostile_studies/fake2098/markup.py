"""A study whose words are markup and scripts wherever words can be, for tests of the report."""

from typing import ClassVar

import numpy as np

from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import AbstractConfig, Arrays, Cell, Workspace
from mesascope.study.claim import Claim

SCRIPT = "<script>window.broken = 1</script>"
IMAGE = "<img src=x onerror='window.broken = 1'>"


class PowersCell(AbstractConfig):
    """Powers of two, for every seed."""

    seeds: int

    def compute(self, workspace: Workspace) -> Arrays:
        workspace.report(1, 1, "powers")
        return {"powers": 2.0 ** np.arange(12.0) * np.linspace(0.9, 1.1, self.seeds)[:, None]}


class Markup(AbstractStudy):
    """Words with <b>markup</b> in them, and `code <i>too</i>`.

    **Question.** Is </script><script>window.broken = 1</script> shown as text?

    **Limits.** None & nothing.
    """

    title: ClassVar = f"A title with {SCRIPT}"
    source: ClassVar = f"Nobody 2098, {IMAGE}"
    claims: ClassVar = (
        Claim("small", f"A statement with {SCRIPT}.", f"a quantity {IMAGE}", "at most", 10.0, over="every seed"),
        Claim("large", "Powers are large.", "least power", "at least", 5.0, kind="paper", restates=IMAGE),
    )
    presets: ClassVar = {"smoke": {"seeds": 2}, "quick": {}, "paper": {"seeds": 5}}

    seeds: int = 3
    """Lines."""
    words: str = IMAGE
    """Words."""

    def cells(self) -> tuple[Cell, ...]:
        return (Cell(f"a cell {IMAGE}", PowersCell(self.seeds)),)

    def summarise(self, results: list[Arrays]) -> np.ndarray:
        return results[0]["powers"]

    def readings(self, summary: np.ndarray) -> Readings:
        return {"small": summary[:, 0], "large": summary[:, 0], f"other {IMAGE}": summary[:, 1]}

    def notes(self, summary: np.ndarray) -> tuple[str, ...]:
        return (f"A note with {SCRIPT}.",)

    def identified(self, summary: np.ndarray) -> tuple[str, ...]:
        return (f"A model {IMAGE}.",)

    def figures(self, summary: np.ndarray) -> dict:
        from matplotlib.figure import Figure

        figure = Figure()
        lines, maps = figure.subplots(1, 2)
        x = np.arange(1.0, summary.shape[1] + 1)
        (line,) = lines.plot(x, summary.mean(axis=0), label=f"mean {IMAGE}")
        lines.fill_between(x, summary.min(axis=0), summary.max(axis=0), color=line.get_color(), alpha=0.2)
        lines.plot(x, x, "--", label="identity")
        lines.axhline(3.0, color="0.4", label="three")
        lines.set(yscale="log", xlabel=f"x {SCRIPT}", ylabel=f"y {IMAGE}", title=f"lines {IMAGE}")
        lines.legend()
        maps.imshow(summary)
        maps.text(1, 1, IMAGE)
        return {f"figure {IMAGE}".replace("/", ""): figure}
