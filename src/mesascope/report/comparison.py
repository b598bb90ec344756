"""A model beside the algorithms it may have learned, on the same prompts: one table, one figure."""

import dataclasses
import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Key
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.style import TWO_COLUMNS, in_house_style
from mesascope.leaks import check_leaks
from mesascope.predictor import AbstractPredictor, check_predictor
from mesascope.probes.alignment import alignment
from mesascope.probes.error import half_squared_error
from mesascope.prompt import Prompt
from mesascope.random import jit_draws
from mesascope.stats import Estimate, mean_interval, paired_ratio_interval
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.validation import check_class, check_count, check_key

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Row(NamedTuple):
    """One predictor: its loss, and for a reference how far the model is from it. Means over prompts, 95% intervals.

    `loss_ratio` is the model's loss over this one's, `distance` that of the predictions, `cosine` that of the
    sensitivities d prediction / d query, over the prompts where it is defined: None where it is nowhere. `num_finite`
    says of how many prompts each of them is a finite number; one loss that is not makes the mean nan.
    """

    name: str
    loss: Estimate
    loss_ratio: Estimate | None = None
    distance: Estimate | None = None
    cosine: Estimate | None = None
    num_finite: Mapping[str, int] = MappingProxyType({})


MEASURES = ("loss", "loss_ratio", "distance", "cosine")


@dataclasses.dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found: prints as a table, is drawn by `figure()`."""

    rows: tuple[Row, ...]
    num_prompts: int

    def table(self) -> Table:
        """One row a predictor, the model first; a mean says over how many prompts it is, where that is not all."""
        title = f"means over {self.num_prompts} prompts [95% interval]"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for head in ("predictor", "loss", "model's loss / this", "distance of predictions", "cosine of sensitivities"):
            table.add_column(head)
        for row in self.rows:
            table.add_row(Text(row.name), *(Text(self._in_words(row, measure)) for measure in MEASURES))
        return table

    def _in_words(self, row: Row, measure: str) -> str:
        """A mean and its interval, and of how many prompts it is one."""
        estimate, num_finite = getattr(row, measure), row.num_finite.get(measure, self.num_prompts)
        words = [] if estimate is None else [f"{estimate.mean:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"]
        if num_finite < self.num_prompts:
            words.append(f"{'defined' if measure == 'cosine' else 'finite'} on {num_finite} of {self.num_prompts}")
        return "\n".join(words)

    def figure(self, width: float = TWO_COLUMNS) -> "Figure":
        """Losses, distances and cosines with their intervals, one row a predictor, `width` cm wide."""
        return in_house_style(lambda: {"comparison": self._draw()}, width)["comparison"]

    def _draw(self) -> "Figure":
        figure, [panels] = panel_grid(1, 3, share_y=True)
        for axes, name in zip(panels, ("loss", "distance", "cosine"), strict=True):
            for i, row in enumerate(self.rows):
                if estimate := getattr(row, name):
                    mean, low, high = estimate
                    axes.plot([low, high], [i, i], color="C0")
                    axes.plot([mean], [i], "o", color="C0")
            axes.set(xlabel=name)
        panels[0].set(
            yticks=range(len(self.rows)), yticklabels=[row.name for row in self.rows], ylim=(len(self.rows) - 0.5, -0.5)
        )
        return figure

    def __repr__(self) -> str:
        console = Console(file=io.StringIO(), width=120, force_terminal=False, force_jupyter=False)
        console.print(self.table())
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue().rstrip()

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(repr(self))}</pre>"


def compare(
    model: AbstractPredictor,
    references: Mapping[str, AbstractPredictor],
    task: AbstractTask | AbstractProcess,
    *,
    key: Key[Array, ""],
    num_prompts: int = 2000,
) -> Comparison:
    """`model` beside each of `references`, by their names, on the same fresh prompts of a task or a process.

    Losses are 1/2 |prediction - target|^2; the ratio of two losses has Fieller's interval. Of a process's sequences the
    last state is asked for, given all before.

    Raises ValueError where there is no reference, for what is no predictor, and for a predictor that reads what it has
    to predict (`check_leaks`).
    """
    check_count("num_prompts", num_prompts, minimum=2)
    check_class("references", references, Mapping, "Name each: `{'zero': ZeroPredictor()}`.")
    if not references:
        raise ValueError("`references` must name a predictor or more; got none. Take {'zero': ZeroPredictor()}.")
    check_class("task", task, (AbstractTask, AbstractProcess), "Make one: `LinearRegression(10, 10)`.")
    check_key("key", key)
    predictors = [("model", model), *references.items()]
    for name, predictor in predictors:
        check_class("references", name, str, "Name each by a word: `{'zero': ZeroPredictor()}`.")
        check_predictor(name, predictor)
    prompts = _prompts(task, key, num_prompts)
    for name, predictor in predictors:
        check_leaks(predictor, jax.tree.map(lambda leaf: leaf[0], prompts), name)
    ours, *losses = (_losses(predictor, prompts) for _, predictor in predictors)
    rows = [Row("model", mean_interval(ours), num_finite={"loss": _num_finite(ours)})]
    for (name, reference), theirs in zip(references.items(), losses, strict=True):
        rows.append(_row(name, ours, theirs, *_alignments(model, reference, prompts)))
    return Comparison(tuple(rows), num_prompts)


def _row(name: str, ours: np.ndarray, theirs: np.ndarray, distance: np.ndarray, cosine: np.ndarray) -> Row:
    """A reference's row, from what was measured on each prompt."""
    measured = {"loss": theirs, "loss_ratio": ours + theirs, "distance": distance, "cosine": cosine}
    defined = cosine[np.isfinite(cosine)]
    return Row(
        name,
        mean_interval(theirs),
        paired_ratio_interval(ours, theirs),
        mean_interval(distance),
        mean_interval(defined) if len(defined) else None,
        {measure: _num_finite(values) for measure, values in measured.items()},
    )


def _num_finite(values: np.ndarray) -> int:
    return int(np.isfinite(values).sum())


@jit_draws
def _prompts(task: AbstractTask | AbstractProcess, key: Key[Array, ""], num_prompts: int) -> Prompt:
    if isinstance(task, AbstractTask):
        return task.sample_batch(key, num_prompts)
    sequences = task.sample_batch(key, num_prompts)
    return jax.vmap(lambda sequence: sequence.last_prompt())(sequences)


def _losses(predictor: AbstractPredictor, prompts: Prompt) -> np.ndarray:
    return np.asarray(eqx.filter_jit(jax.vmap(lambda prompt: half_squared_error(predictor, prompt)))(prompts))


def _alignments(
    model: AbstractPredictor, reference: AbstractPredictor, prompts: Prompt
) -> tuple[np.ndarray, np.ndarray]:
    """Distances and cosines, a number a prompt."""
    found = eqx.filter_jit(jax.vmap(lambda prompt: alignment(model, reference, prompt)))(prompts)
    return np.asarray(found.prediction_distance), np.asarray(found.sensitivity_cosine)
