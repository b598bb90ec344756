"""GD++ as the authors of von Oswald et al. 2023 train it: the rival that their deep stacks are held against."""

from functools import cache, partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractStepwise
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import one_of
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import drawn_spectra
from mesascope.theory.residual import squared_error
from mesascope.training.config import FitConfig


class TrainableGDPP(AbstractStepwise):
    """Layers of GD++ whose rates are trained, each rate a product of two numbers as P W_V is of two matrices.

    `outputs` and `values` [layers 2] are the entries of P and of W_V on x and on y, signs left out:
    curvature = outputs_x values_x and learning_rate / N = outputs_y values_y. One layer is applied `num_repeats` times;
    tokens are cut off at `token_bound` after each.
    """

    outputs: Float[Array, "*seeds layers 2"]
    values: Float[Array, "*seeds layers 2"]
    task: LinearRegression
    num_repeats: int = eqx.field(static=True)
    token_bound: float | None = eqx.field(static=True)

    def trajectory(self, prompt: Prompt) -> Float[Array, "steps dy"]:
        return self.stack().trajectory(prompt)

    def algorithm(self) -> GDPlusPlus:
        """The algorithm with these rates, its tokens never cut off."""
        curvature, rate = jnp.moveaxis(self.outputs * self.values, -1, 0)
        learning_rate = rate * self.task.num_examples
        if self.num_repeats > 1:
            return GDPlusPlus(learning_rate[0], curvature[0], self.num_repeats)
        return GDPlusPlus(learning_rate, curvature, len(curvature))

    def stack(self) -> Transformer:
        """The attention layers that make these steps."""
        return stack_of(self.algorithm(), self.task, self.token_bound)

    @classmethod
    def start(
        cls,
        num_layers: int,
        num_repeats: int,
        token_bound: float | None,
        *,
        task: LinearRegression,
        scan: tuple[float, float, float],
        num_spectra: int,
        key: Key[Array, ""],
    ) -> "TrainableGDPP":
        """P = diag(-eta / N^2 I, eta / N) and W_V = diag(I, -1) in all layers, whatever the key.

        eta is the best of the rates that `scan` = (from, to, step) lists, when all layers have these weights.
        """
        del key
        sizes = task.num_examples, task.dim_x, float(task.input_scale), num_spectra
        rate = best_scanned(num_layers * num_repeats, *sizes, scan) / task.num_examples
        outputs = jnp.tile(jnp.asarray([rate / task.num_examples, rate], float), (num_layers, 1))
        return cls(outputs, jnp.ones_like(outputs), task, num_repeats, token_bound)


@cache
def best_scanned(
    num_steps: int,
    num_examples: int,
    dim_x: int,
    input_scale: float,
    num_spectra: int,
    scan: tuple[float, float, float],
) -> float:
    """The learning rate of a grid that makes GD++ with curvature = learning_rate / N^2 best on drawn spectra."""
    spectra = drawn_spectra(num_examples, dim_x, input_scale, num_spectra, 0)
    rates = np.arange(*scan)

    def loss(rate: float) -> float:
        each = np.full(num_steps, rate / num_examples)
        return float(squared_error(each, each / num_examples, 0.0, spectra).mean())

    return float(min(rates, key=loss))


def gdpp_training(
    num_layers: int = 1,
    num_repeats: int = 1,
    *,
    task: LinearRegression,
    num_steps: int,
    batch_size: int = 512,
    first_seed: int = 0,
) -> Training[LinearRegression]:
    """The one training of GD++ that the authors' code holds all seeds of a stack of this shape against.

    Adam with b2 = 0.999 on 512 prompts a step; rate, clipping of gradients and of tokens are those of the stack. The
    gradient's norm counts each number once, where the code counts the equal entries of a diagonal.
    """
    depth = num_layers * num_repeats
    rate, clip_norm = (1e-3 if depth <= 3 else 5e-4), (1e-3 if depth <= 2 else 10.0)
    config = FitConfig(num_steps, batch_size, rate, b2=0.999, clip_norm=clip_norm)
    shape = num_layers, num_repeats, 10.0 if depth > 3 else None
    make_model = partial(TrainableGDPP.start, *shape, task=task, scan=(0.001, 25.0, 0.1), num_spectra=2000)
    return Training(make_model, task, config, seeds=1, first_seed=first_seed)


def trained_gdpp(training: Training[LinearRegression], workspace: Workspace) -> GDPlusPlus:
    """The algorithm that such a training ends with, its rates on no axis of seeds."""
    return one_of(training.trained(workspace).model, 0).algorithm()
