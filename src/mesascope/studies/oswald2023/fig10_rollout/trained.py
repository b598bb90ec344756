"""One trained layer applied many times with dampening."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.models.transformer import Transformer
from mesascope.studies._shared.measure import errors_along, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig10_rollout.descent import DAMPENINGS
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss

EXPLODED = 100.0


class TrainedCell(NamedTuple):
    """A training of one layer, which is then applied to the validation prompts at every dampening."""

    training: Training
    task: LinearRegression
    num_steps: int
    num_prompts: int
    dampenings: tuple[float, ...] = DAMPENINGS


def measure_trained(cell: TrainedCell, workspace: Workspace) -> Arrays:
    """Losses of the trained layers [seeds dampenings steps], as they are and silenced.

    "silenced" is the layer with the rows of P that write to x set to zero: the loss of one layer does not depend on
    them, so they stay as they were drawn, but a repeated layer lets x drift through them. "exploded" counts the prompts
    that end with an error above 100 times the zero predictor's loss. Dampening scales P, which is the same map as a
    dampened update, so that one program serves all dampenings.
    """
    trained = cell.training.trained(workspace)
    prompts = validation(cell.task, cell.num_prompts)
    limit = EXPLODED * initial_loss(cell.task.dim_x, float(cell.task.input_scale))
    writes_y = (jnp.arange(cell.task.dim_x + cell.task.dim_y) >= cell.task.dim_x).astype(float)

    def losses(model: Transformer) -> dict[str, Array]:
        def rolled(factor: Float[Array, " d"]) -> tuple[Array, Array]:
            layers = eqx.tree_at(lambda m: m.layers[0].output, model, replace_fn=lambda p: factor[None, :, None] * p)
            errors = errors_along(Transformer(layers.layers, model.tokens, cell.num_steps), prompts)
            return errors.mean(axis=0), jnp.sum(~(errors[:, -1] < limit))

        dampenings = jnp.asarray(cell.dampenings)[:, None]
        factors = jnp.concatenate([dampenings * jnp.ones_like(writes_y)[None], dampenings * writes_y[None]])
        means, exploded = jax.lax.map(rolled, factors)
        (raw, silenced), (raw_exploded, silenced_exploded) = (jnp.split(each, 2) for each in (means, exploded))
        return {
            "trained": raw,
            "silenced": silenced,
            "trained_exploded": raw_exploded,
            "silenced_exploded": silenced_exploded,
        }

    arrays = over_models(losses, trained.model)
    workspace.report(1, 1, "trained layers applied")
    return arrays
