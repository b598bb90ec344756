"""Two attention layers on the stream of inputs and labels: their training, and what the first one copies."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.copying import CopyingConstruction, uncleared
from mesascope.models.attention import AbstractAttention, LinearSelfAttention
from mesascope.models.interleaved import InterleavedTokens
from mesascope.models.positioned import ConcatenatedPositions
from mesascope.models.positions import AbstractPositions
from mesascope.models.transformer import Transformer
from mesascope.probes.copying import CopyingSensitivity, copying_sensitivity
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_error, over_models, validation
from mesascope.studies._shared.training import Training, every
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class Descents(NamedTuple):
    """Losses on the validation prompts of no step, of the best one and two steps of one rate, and of one step that
    takes every label with the next input for an example, too."""

    zero: np.ndarray
    one: np.ndarray
    two: np.ndarray
    junk: np.ndarray


class Losses(NamedTuple):
    """Validation losses [seeds snapshots] after `steps` [snapshots], and training losses [seeds steps]."""

    loss: np.ndarray
    training_loss: np.ndarray
    steps: np.ndarray


class Copying(NamedTuple):
    """The same, and how much a token after the first layer depends on itself, the next and the others.

    Norms of derivatives [seeds snapshots], averaged over prompts.
    """

    loss: np.ndarray
    training_loss: np.ndarray
    steps: np.ndarray
    own: np.ndarray
    following: np.ndarray
    others: np.ndarray


class DescentsCell(AbstractConfig):
    """The gradient steps that trained layers are held against, best on the validation prompts themselves."""

    task: LinearRegression
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Descents`."""
        found = best_descents(self.task, validation(self.task, self.num_validation))
        workspace.report(1, 1, "gradient steps measured")
        return found._asdict()


class LossesCell(AbstractConfig):
    """A training of two layers, and on how many prompts and at how many steps its loss is measured."""

    training: Training
    num_validation: int
    num_snapshots: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Losses`."""
        prompts = validation(self.training.task, self.num_validation)
        trained = self.training.trained(workspace)
        snapshots, steps = every(trained, self.num_snapshots)
        found = over_models(lambda model: {"loss": mean_error(model, prompts)}, snapshots, 2)
        workspace.report(1, 1, "measured")
        return Losses(**found, training_loss=np.asarray(trained.losses), steps=steps)._asdict()


class CopyingCell(AbstractConfig):
    """The same, whose first layer is probed on `num_probed` of the prompts."""

    training: Training
    num_validation: int
    num_probed: int
    num_snapshots: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Copying`."""
        prompts = validation(self.training.task, self.num_validation)
        probed = jax.tree.map(lambda leaf: leaf[: self.num_probed], prompts)
        trained = self.training.trained(workspace)
        snapshots, steps = every(trained, self.num_snapshots)

        def loss_and_sensitivity(model: Transformer) -> dict[str, Array]:
            sensitivities = jax.lax.map(lambda prompt: first_layer_sensitivity(model, prompt), probed)
            means = {name: values.mean() for name, values in sensitivities._asdict().items()}
            return {"loss": mean_error(model, prompts), **means}

        found = over_models(loss_and_sensitivity, snapshots, 2)
        workspace.report(1, 1, "measured")
        return Copying(**found, training_loss=np.asarray(trained.losses), steps=steps)._asdict()


def draw_two_layers(
    first: type[AbstractAttention], positions: AbstractPositions, dim_x: int, *, init_scale: float, key: Key[Array, ""]
) -> Transformer:
    """A first layer of a kind, then a linear one, on single tokens with these positions behind them.

    `init_scale` is divided by the number of layers, as in the authors' code.
    """
    tokens = ConcatenatedPositions(InterleavedTokens(dim_x), positions)
    layers = tuple(
        kind.initialise(tokens.dim_token, init_scale=init_scale / 2, key=layer_key)
        for kind, layer_key in zip((first, LinearSelfAttention), jax.random.split(key), strict=True)
    )
    return Transformer(layers, tokens)


def first_layer_sensitivity(model: Transformer, prompt: Prompt) -> CopyingSensitivity:
    """Of the context tokens after the first layer to what the tokens hold; their positions are kept."""
    positioned = model.tokens
    if not isinstance(positioned, ConcatenatedPositions):
        raise TypeError(f"the model's tokens must be ConcatenatedPositions; got {type(positioned).__name__}.")
    context, _ = positioned.embed(prompt)
    dim_content = positioned.tokens.dim_token

    def layer_fn(contents: Float[Array, "t d"]) -> Float[Array, "t k"]:
        tokens = jnp.concatenate([contents, context[:, dim_content:]], axis=1)
        return tokens + model.layers[0](tokens, tokens)

    return copying_sensitivity(layer_fn, context[:, :dim_content])


def best_descents(task: LinearRegression, prompts: Prompt) -> Descents:
    """Losses on these prompts of no step, of the best one and two steps of one rate, and of one on uncleared tokens.

    The last takes every label with the next input for an example, as where a head copies alone (see `uncleared`). The
    rate is tuned on the prompts themselves, as in the authors' code: the loss is a polynomial in it. One step predicts
    rate a, two of one rate 2 rate a - rate^2 b, where b is 2 a less the prediction at the rate 1.
    """
    target, once, twice, junk = (np.asarray(each, np.float64) for each in _unit_steps(task, prompts))
    zero = np.mean(np.sum(target**2, axis=-1)) / 2
    one, two = _best(target, -once), _best(target, -2 * once, 2 * once - twice)
    return Descents(*map(np.asarray, (zero, one, two, _best(target, -junk))))


@eqx.filter_jit
def _unit_steps(task: LinearRegression, prompts: Prompt) -> tuple[Array, ...]:
    """Targets, and predictions at the rate 1 of one step, two steps, and one step on uncleared tokens."""
    steps = jax.vmap(GradientDescent(1.0, 2).trajectory)(prompts)
    junk = uncleared(CopyingConstruction(1.0, 1, task.num_examples, task.dim_x).build())
    return prompts.target, steps[:, 0], steps[:, 1], jax.vmap(junk)(prompts)


def _best(*by_power: Float[np.ndarray, "prompts dy"]) -> float:
    """The least of 1/2 |sum_k rate^k by_power_k|^2, averaged over prompts, over all rates."""
    size, num_prompts = len(by_power), len(by_power[0])
    coefficients = np.zeros(2 * size - 1)
    for i, first in enumerate(by_power):
        for k, second in enumerate(by_power):
            coefficients[i + k] += np.sum(first * second) / (2 * num_prompts)
    loss = np.polynomial.Polynomial(coefficients)
    rates = loss.deriv().roots()
    return float(loss(rates[np.isreal(rates)].real).min())
