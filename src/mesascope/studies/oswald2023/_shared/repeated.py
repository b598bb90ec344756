"""One trained layer applied many times with dampening, beside as many steps of gradient descent."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import errors_along, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_multiple import best_learning_rate
from mesascope.studies.oswald2023._shared.best_rates import best_step
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss


class Repeated(NamedTuple):
    """Losses after each application, and how many prompts explode or diverge.

    Losses [seeds dampenings steps] of trained layers, writing to y only and as trained, and the numbers
    [seeds dampenings] of prompts that explode for them; losses [dampenings steps] of gradient descent, and the share
    [dampenings] of prompts on which its steps expand some direction.
    """

    trained: np.ndarray
    writes_x: np.ndarray
    trained_exploded: np.ndarray
    writes_x_exploded: np.ndarray
    gradient_descent: np.ndarray
    diverging: np.ndarray

    def gap(self) -> np.ndarray:
        """The largest |loss / gradient descent's - 1| over steps, of layers that write to y only [seeds dampenings]."""
        return np.abs(self.trained / self.gradient_descent - 1).max(axis=2)

    def change(self) -> np.ndarray:
        """The largest relative change in one step, of layers that write to y only [seeds dampenings].

        Negative where the loss falls at every step.
        """
        return np.max(self.trained[..., 1:] / self.trained[..., :-1] - 1, axis=2, initial=-1.0)


class RepeatedCell(AbstractConfig):
    """A training of one layer, which is then applied `num_steps` times to the validation prompts, at every dampening.

    Gradient descent takes the best learning rate of one step, times the dampening: the closed form's, or with
    `tuned_on_prompts` the best on the prompts themselves. A prompt explodes where its error ends above `explosion`
    times the zero predictor's loss.
    """

    training: Training[LinearRegression]
    num_steps: int
    num_prompts: int
    dampenings: tuple[float, ...]
    tuned_on_prompts: bool = False
    explosion: float = 100.0

    def compute(self, workspace: Workspace) -> Arrays:
        """`Repeated`.

        As trained, a layer writes to x what its initial weights say: the loss of one application does not depend on
        the rows of P that write to x, which get no gradient. Without these rows the layer writes to y only.
        """
        task = self.training.task
        prompts = validation(task, self.num_prompts)
        rate = best_learning_rate(prompts) if self.tuned_on_prompts else best_step(task).learning_rate
        rates = float(rate) * np.array(self.dampenings)
        descent = np.asarray(eqx.filter_jit(self.of_descent)(jnp.asarray(rates, float), prompts))
        xs = np.asarray(prompts.xs, np.float64)
        largest = np.linalg.eigvalsh(xs.transpose(0, 2, 1) @ xs)[:, -1]
        diverging = (rates[:, None] / task.num_examples * largest > 2).mean(axis=1)
        workspace.report(1, 2, "gradient descent applied")
        writes_y = (np.arange(task.dim_x + task.dim_y) >= task.dim_x).astype(float)
        dampenings = np.array(self.dampenings)[:, None]
        factors = jnp.asarray(np.concatenate([dampenings * writes_y, dampenings * np.ones_like(writes_y)]), float)

        def applied(model: Transformer) -> dict[str, Array]:
            means, exploded = jax.lax.map(lambda factor: self.applied(model, factor, prompts), factors)
            return dict(zip(Repeated._fields, (*jnp.split(means, 2), *jnp.split(exploded, 2)), strict=False))

        layers = over_models(applied, self.training.trained(workspace).model)
        workspace.report(2, 2, "trained layers applied")
        return Repeated(**layers, gradient_descent=descent, diverging=diverging)._asdict()

    def of_descent(self, rates: Float[Array, " dampenings"], prompts: Prompt) -> Float[Array, "dampenings steps"]:
        """The losses of gradient descent."""
        return jax.lax.map(
            lambda rate: errors_along(GradientDescent(rate, self.num_steps), prompts).mean(axis=0), rates
        )

    def applied(self, model: Transformer, factor: Float[Array, " d"], prompts: Prompt) -> tuple[Array, Array]:
        """Losses [steps] with the rows of P times `factor`, and how many prompts explode.

        Dampening scales P, which is the same map as a dampened update, so that one program serves all dampenings.
        """
        task = self.training.task
        layers = eqx.tree_at(lambda m: m.layers[0].output, model, replace_fn=lambda p: factor[None, :, None] * p)
        errors = errors_along(Transformer(layers.layers, model.tokens, self.num_steps), prompts)
        limit = self.explosion * initial_loss(task.dim_x, float(task.input_scale))
        return errors.mean(axis=0), jnp.sum(~(errors[:, -1] < limit))
