"""A model beside the algorithms it may have learned, on the same prompts: one table, one figure."""

import dataclasses
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Key
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mesascope.predictor import AbstractPredictor
from mesascope.probes.alignment import alignment
from mesascope.probes.error import half_squared_error
from mesascope.prompt import Prompt
from mesascope.random import jit_draws
from mesascope.stats import Estimate, mean_interval, paired_ratio_interval
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.validation import check_class, check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Row(NamedTuple):
    """One predictor: its loss, and for a reference how far the model is from it. Means over prompts, 95% intervals.

    `loss_ratio` is the model's loss over this one's, `distance` that of the predictions, `cosine` that of the
    sensitivities d prediction / d query, over the prompts where it is defined.
    """

    name: str
    loss: Estimate
    loss_ratio: Estimate | None = None
    distance: Estimate | None = None
    cosine: Estimate | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found: prints as a table, is drawn by `figure()`."""

    rows: tuple[Row, ...]
    num_prompts: int

    def table(self) -> Table:
        """One row a predictor, the model first."""
        title = f"means over {self.num_prompts} prompts [95% interval]"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for head in ("predictor", "loss", "model's loss / this", "distance of predictions", "cosine of sensitivities"):
            table.add_column(head)
        for row in self.rows:
            table.add_row(Text(row.name), *(Text(_in_words(estimate)) for estimate in row[1:]))
        return table

    def figure(self) -> "Figure":
        """Losses, distances and cosines with their intervals, one row a predictor."""
        from matplotlib.figure import Figure

        from mesascope.report.figures import house_style

        with house_style():
            figure = Figure(figsize=(9, 1 + 0.4 * len(self.rows)), layout="constrained")
            panels = figure.subplots(1, 3, sharey=True)
            for axes, name in zip(panels, ("loss", "distance", "cosine"), strict=True):
                for i, row in enumerate(self.rows):
                    if estimate := getattr(row, name):
                        mean, low, high = estimate
                        axes.plot([low, high], [i, i], color="C0")
                        axes.plot([mean], [i], "o", color="C0")
                axes.set_xlabel(name)
            panels[0].set_yticks(range(len(self.rows)), [row.name for row in self.rows])
            panels[0].invert_yaxis()
        return figure

    def __repr__(self) -> str:
        console = Console(file=io.StringIO(), width=120, no_color=True)
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
    last state is asked for, given all before. Complex predictions have no cosine.

    Raises ValueError where there is no reference, and for what is no predictor.
    """
    check_count("num_prompts", num_prompts, minimum=2)
    if not references:
        raise ValueError("`references` must name a predictor or more; got none. Take {'zero': ZeroPredictor()}.")
    for name, predictor in {"model": model, **references}.items():
        check_class(name, predictor, AbstractPredictor, "Derive yours from `AbstractPredictor`.")
    prompts = _prompts(task, key, num_prompts)
    losses = {name: _losses(each, prompts) for name, each in {"model": model, **references}.items()}
    rows = [Row("model", mean_interval(losses["model"]))]
    for name, reference in references.items():
        distance, cosine = _alignments(model, reference, prompts)
        ratio = paired_ratio_interval(losses["model"], losses[name])
        defined = cosine[np.isfinite(cosine)]
        estimates = (mean_interval(distance), mean_interval(defined) if len(defined) else None)
        rows.append(Row(name, mean_interval(losses[name]), ratio, *estimates))
    return Comparison(tuple(rows), num_prompts)


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
    """Distances and cosines, a number a prompt; complex predictions have distances only."""
    if jax.numpy.iscomplexobj(prompts.query):
        gaps = eqx.filter_jit(jax.vmap(lambda prompt: model(prompt) - reference(prompt)))(prompts)
        return np.linalg.norm(gaps, axis=-1), np.zeros(0)
    found = eqx.filter_jit(jax.vmap(lambda prompt: alignment(model, reference, prompt)))(prompts)
    return np.asarray(found.prediction_distance), np.asarray(found.sensitivity_cosine)


def _in_words(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.mean:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
