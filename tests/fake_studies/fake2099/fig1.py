"""A study for tests of the command line and the store: quick, and as slow, wrong or divergent as it is asked to be."""

import os
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from mesascope.arrays import load_arrays, save_arrays
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import AbstractConfig, Arrays, Cell, Workspace
from mesascope.study.claim import Claim
from mesascope.validation import check_count


class DoublingCell(AbstractConfig):
    """One of two parts."""

    part: int
    size: int
    seeds: int
    error: float
    seconds: float
    learning_rate: float

    def compute(self, workspace: Workspace) -> Arrays:
        with Path(os.environ.get("FAKE_LOG", os.devnull)).open("a") as log:
            log.write(f"part {self.part}\n")
        if workspace.checkpoint is not None:
            if workspace.checkpoint.exists():
                load_arrays(workspace.checkpoint)
            save_arrays(workspace.checkpoint, {}, None)
        while "FAKE_GATE" in os.environ and not Path(os.environ["FAKE_GATE"]).exists():
            time.sleep(0.02)
        if os.environ.get("FAKE_DEATH") == str(self.part):
            os.kill(os.getpid(), 9)
        if "FAKE_DEATH_ONCE" in os.environ and not (died := Path(os.environ["FAKE_DEATH_ONCE"])).exists():
            died.touch()
            os.kill(os.getpid(), 9)
        for step in range(10):
            workspace.report(step, 10, "counting")
            time.sleep(self.seconds / 10)
        x = np.arange(float(self.size))
        error = last_training_loss(self.learning_rate) if self.learning_rate else self.error
        return {"difference": np.full(self.seeds, error), "double": x + x}


class Doubling(AbstractStudy):
    """Twice a number is a number plus itself.

    Notes with [brackets] and a
    line break.
    """

    title: ClassVar = "Twice is plus itself"
    source: ClassVar = "Nobody 2099, figure 1"
    claims: ClassVar = (
        Claim("double", "Twice a number is the number plus itself.", "largest difference", "at most", 0.1),
    )
    presets: ClassVar = {"smoke": {"size": 2}, "quick": {"size": 4}, "paper": {"size": 8, "seeds": 5}}

    seeds: int = 3
    """Differences, all of them the same."""
    size: int = 4
    """How many numbers are doubled."""
    error: float = 0.0
    """The difference that is found."""
    seconds: float = 0.0
    """How long each part takes."""
    learning_rate: float = 0.0
    """Of a real training whose last loss is the difference."""

    def __check_init__(self):
        check_count("size", self.size)
        check_count("seeds", self.seeds)

    def cells(self) -> tuple[Cell, ...]:
        settings = (self.size, self.seeds, self.error, self.seconds, self.learning_rate)
        return tuple(Cell(f"part {part}", DoublingCell(part, *settings)) for part in (1, 2))

    def summarise(self, results: list[Arrays]) -> list[Arrays]:
        return results

    def readings(self, summary: list[Arrays]) -> Readings:
        return {"double": summary[0]["difference"], "largest double": summary[0]["double"].max()}

    def figures(self, summary: list[Arrays]) -> dict:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(2, 1))
        figure.subplots().plot(summary[0]["double"])
        return {"doubles": figure}

    def notes(self, summary: list[Arrays]) -> tuple[str, ...]:
        return ("Numbers [were] doubled.",)


def last_training_loss(learning_rate: float) -> float:
    """What a real training of a few steps ends on."""
    import jax

    from mesascope.models.transformer import Transformer
    from mesascope.tasks.linear_regression import LinearRegression
    from mesascope.training.config import FitConfig
    from mesascope.training.fit import fit

    model = Transformer.initialise(1, 1, key=jax.random.key(0))
    task, config = LinearRegression(2, 1), FitConfig(5, 2, learning_rate)
    return float(fit(model, task, config, key=jax.random.key(1)).losses[-1])
