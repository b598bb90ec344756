"""One trained layer applied many times with dampening."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import errors_along, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss


class Repeated(NamedTuple):
    """Losses [seeds dampenings steps] of the layers as trained, and silenced: with nothing written to x.

    And the number [seeds dampenings] of prompts that explode for either.
    """

    trained: np.ndarray
    silenced: np.ndarray
    trained_exploded: np.ndarray
    silenced_exploded: np.ndarray


class RepeatedCell(AbstractConfig):
    """A training of one layer, which is then applied to the validation prompts at every dampening.

    A prompt explodes that ends with an error above `explosion` times the zero predictor's loss.
    """

    training: Training[LinearRegression]
    num_steps: int
    num_prompts: int
    dampenings: tuple[float, ...]
    explosion: float = 100.0

    def compute(self, workspace: Workspace) -> Arrays:
        """`Repeated`.

        Silenced is the layer with the rows of P that write to x set to zero: the loss of one layer does not depend on
        them, so they stay as they were drawn, but a repeated layer lets x drift through them.
        """
        task = self.training.task
        prompts = validation(task, self.num_prompts)
        writes_y = (np.arange(task.dim_x + task.dim_y) >= task.dim_x).astype(float)
        dampenings = np.array(self.dampenings)[:, None]
        factors = jnp.asarray(np.concatenate([dampenings * np.ones_like(writes_y), dampenings * writes_y]), float)

        def applied(model: Transformer) -> dict[str, Array]:
            means, exploded = jax.lax.map(lambda factor: self.applied(model, factor, prompts), factors)
            parts = (*jnp.split(means, 2), *jnp.split(exploded, 2))
            return dict(zip(Repeated._fields, parts, strict=True))

        arrays = over_models(applied, self.training.trained(workspace).model)
        workspace.report(1, 1, "trained layers applied")
        return arrays

    def applied(self, model: Transformer, factor: Float[Array, " d"], prompts: Prompt) -> tuple[Array, Array]:
        """Losses [steps] with P times `factor`, and how many prompts explode.

        Dampening scales P, which is the same map as a dampened update, so that one program serves all dampenings.
        """
        task = self.training.task
        layers = eqx.tree_at(lambda m: m.layers[0].output, model, replace_fn=lambda p: factor[None, :, None] * p)
        errors = errors_along(Transformer(layers.layers, model.tokens, self.num_steps), prompts)
        limit = self.explosion * initial_loss(task.dim_x, float(task.input_scale))
        return errors.mean(axis=0), jnp.sum(~(errors[:, -1] < limit))
