"""One trained layer applied many times, dampened, against as many dampened gradient steps."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import errors_along, mean_error, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig2.cells import best_learning_rate
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class RolledOut(NamedTuple):
    """Losses after each application of trained layers [seeds steps], and after each of as many gradient steps [steps].

    "silenced" are layers with the rows of P that write to x set to zero: the loss of one layer does not depend on these
    rows, which get no gradient and stay as they were drawn, but a repeated layer lets x drift through them. "exploded"
    [seeds] counts the prompts that explode.
    """

    trained: np.ndarray
    silenced: np.ndarray
    exploded: np.ndarray
    gradient_descent: np.ndarray


class LayerRolloutCell(AbstractConfig):
    """The training of one layer, which is then applied `num_rollout` times, each update times `dampening`.

    A prompt explodes where its error ends above `exploded` times the zero predictor's loss.
    """

    training: Training[LinearRegression]
    num_validation: int
    num_rollout: int
    dampening: float
    exploded: float = 100.0

    def compute(self, workspace: Workspace) -> Arrays:
        """`RolledOut`."""
        prompts = validation(self.training.task, self.num_validation)
        rate = best_learning_rate(prompts)
        descent = GradientDescent(self.dampening * rate, num_steps=self.num_rollout)
        of_descent = eqx.filter_jit(lambda descent, prompts: errors_along(descent, prompts).mean(axis=0))
        found = over_models(Partial(self.of_layer, prompts), self.training.trained(workspace).model)
        workspace.report(1, 1, "applied many times")
        return RolledOut(gradient_descent=np.asarray(of_descent(descent, prompts)), **found)._asdict()

    def of_layer(self, prompts: Prompt, model: Transformer) -> dict[str, Array]:
        """The losses of one layer, and how many prompts explode."""
        (layer,) = model.layers
        assert isinstance(layer, LinearSelfAttention)

        def errors_with(output: Array) -> Array:
            layers = (LinearSelfAttention(layer.key, layer.query, layer.value, output),)
            return errors_along(Transformer(layers, model.tokens, self.num_rollout, self.dampening), prompts)

        silenced = layer.output.at[:, : self.training.task.dim_x].set(0.0)
        errors = jax.lax.map(errors_with, jnp.stack([layer.output, silenced]))
        exploded = ~(errors[0, :, -1] < self.exploded * mean_error(ZeroPredictor(), prompts))
        return {"trained": errors[0].mean(axis=0), "silenced": errors[1].mean(axis=0), "exploded": exploded.sum()}
