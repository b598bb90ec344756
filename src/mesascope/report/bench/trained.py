"""The linear self-attention layer to play with: trained once, on inputs of one number, and kept in the store."""

from typing import NamedTuple

import equinox as eqx
import numpy as np

from mesascope.models.transformer import Transformer
from mesascope.random import seed_key
from mesascope.study.cell import AbstractShared, Arrays, Report, Workspace, place_shared
from mesascope.study.store import AbstractStore
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum
from mesascope.training.config import FitConfig
from mesascope.training.fit import fit
from mesascope.training.schedules import CosineDecay
from mesascope.validation import check_seed

Matrix = tuple[tuple[float, ...], ...]


class Layer(NamedTuple):
    """A trained layer in plain floats, on tokens (x, y) and a query token (x, 0).

    It adds P W_V (sum_i e_i e_i^T) W_KQ e to the query token e, and predicts minus the last entry: `key_query` is W_KQ,
    `output_value` P W_V. `num_examples` and `input_scale` are those of its prompts, `best_rate` the learning rate of
    the gradient step that does best on them.
    """

    key_query: Matrix
    output_value: Matrix
    num_examples: int
    input_scale: float
    best_rate: float

    @property
    def learned_rate(self) -> float:
        """The learning rate of the gradient step in it, on as many examples as it was trained on.

        Its prediction is -(a S_xx + b S_xy + c S_yy) x, with sums over examples, where one gradient step predicts
        rate / n S_xy x: the rate is -n b. What a and c add is no gradient step.
        """
        (kx, _), (ky, _) = self.key_query
        px, py = self.output_value[1]
        return -self.num_examples * (px * ky + py * kx)


class BenchTraining(AbstractShared):
    """One layer of one head, trained on linear regression in one dimension."""

    task: LinearRegression = LinearRegression(num_examples=10, dim_x=1, input_scale=1.0)
    config: FitConfig = FitConfig(2000, 512, CosineDecay(1e-2, 1e-4, 2000), clip_norm=1.0)
    init_scale: float = 0.02
    seed: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check_seed("seed", self.seed)

    @property
    def seeds(self) -> int:
        return 1

    @property
    def label(self) -> str:
        return f"a layer to play with, {self.config.num_steps} steps"

    def compute(self, workspace: Workspace) -> Arrays:
        model = Transformer.initialise(1, init_scale=self.init_scale, key=seed_key(self.seed))
        num_steps = self.config.num_steps
        trained = fit(
            model,
            self.task,
            self.config,
            key=seed_key(self.seed + 1),
            checkpoint=workspace.checkpoint,
            on_chunk=lambda step, losses: workspace.report(step, num_steps, f"loss {losses.mean():.4f}"),
        )
        key_query, output_value = (np.asarray(product)[0, 0] for product in trained.model.products())
        return {"key_query": key_query, "output_value": output_value}


def layer(store: AbstractStore, report: Report = lambda done, total, text: None) -> Layer:
    """The trained layer, from the store where it is kept, else trained now, within seconds, and kept there."""
    training = BenchTraining()
    arrays = store.get_or_run(place_shared(training), report)
    key_query, output_value = (
        tuple(tuple(float(entry) for entry in row) for row in arrays[name]) for name in ("key_query", "output_value")
    )
    task = training.task
    best = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).learning_rate
    return Layer(key_query, output_value, task.num_examples, float(task.input_scale), best)
