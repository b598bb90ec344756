"""The compiled loop: sampling, forward, backward and update in one scan, over seeds and devices."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Inexact, Int, Key, PyTree

from mesascope.predictor import AbstractPredictor, AbstractSequencePredictor
from mesascope.prompt import Prompt, Sequence
from mesascope.random import FAST, RUNS_ONCE, data_key, independent
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.training.config import FitConfig

Task = TypeVar("Task", bound=AbstractTask | AbstractProcess)

SEED_AXIS = PartitionSpec("seed")
SEQUENCES_AT_ONCE = 32  # whose gradient is taken together: what their scores take fits a core's cache


class State(NamedTuple):
    """One seed's training between two chunks; in a batch of seeds every leaf has a leading axis."""

    params: PyTree
    optimiser: PyTree
    key_data: Array
    step: Int[Array, "..."]


def loss_and_gradient(
    static_model: AbstractPredictor, params: PyTree, batch: Prompt | Sequence
) -> tuple[Float[Array, ""], PyTree]:
    """Mean of 1/2 |prediction - target|^2 (von Oswald et al. 2023, eq. 5, with the code's 1/2), and its gradient.

    Over prompts; or over sequences and all their states but the first, each predicted from those before it: where
    lengths differ, the mean over sequences of each one's mean over states. Sequences are taken part after part, by a
    model that is prepared once for all of them.
    """
    if not isinstance(batch, Sequence):
        return jax.value_and_grad(lambda p: _loss_of_prompts(eqx.combine(p, static_model), batch))(params)

    def prepared(p):
        model = eqx.combine(p, static_model)
        assert isinstance(model, AbstractSequencePredictor)
        return model.prepared(batch.states.shape[1])

    # What no sequence changes is worked out, and differentiated, once for the batch; the parts add up their gradients
    # by what was made ready.
    ready, pull_back = eqx.filter_vjp(prepared, params)
    size = len(batch.states)
    # Parts of one size, the largest that divides the batch: all of them are one loop's body.
    at_once = max(divisor for divisor in range(1, SEQUENCES_AT_ONCE + 1) if size % divisor == 0)
    parts = jax.tree.map(lambda leaf: leaf.reshape(-1, at_once, *leaf.shape[1:]), batch)
    of_part = eqx.filter_value_and_grad(_loss_of_sequences)
    loss, gradient = jax.tree.map(lambda leaf: leaf.mean(axis=0), lax.map(lambda part: of_part(ready, part), parts))
    return loss, pull_back(gradient)[0]


def _loss_of_prompts(model: AbstractPredictor, prompts: Prompt) -> Float[Array, ""]:
    errors: Inexact[Array, "batch dy"] = jax.vmap(model)(prompts) - prompts.target
    return jnp.sum(jnp.abs(errors) ** 2) / (2 * len(errors))


def _loss_of_sequences(predict: Callable[[Sequence], Inexact[Array, "t d"]], sequences: Sequence) -> Float[Array, ""]:
    errors: Inexact[Array, "batch t d"] = jax.vmap(predict)(sequences)[:, :-1] - sequences.states[:, 1:]
    if sequences.mask is None:
        return jnp.sum(jnp.abs(errors) ** 2) / (2 * errors[..., 0].size)
    squares = jnp.where(sequences.mask[:, 1:], jnp.sum(jnp.abs(errors) ** 2, axis=-1), jnp.zeros((), errors.real.dtype))
    num_predicted = jnp.sum(sequences.mask[:, 1:], axis=1, dtype=squares.dtype)
    return jnp.mean(jnp.sum(squares, axis=1) / (2 * num_predicted))


def seed_mesh(num_seeds: int) -> Mesh:
    """As many devices as there are seeds for."""
    devices = jax.devices()[:num_seeds]
    return Mesh(np.array(devices), ("seed",))


def starting_states(
    make_model: Callable[[Key[Array, ""]], AbstractPredictor], config: FitConfig, keys: Key[Array, " seeds"]
) -> State:
    """The states that training starts from."""

    def of_seed(model_key: Key[Array, ""]) -> tuple[PyTree, PyTree]:
        params = eqx.filter(make_model(model_key), eqx.is_inexact_array)
        return params, config.optimiser().init(params)

    # Keys of its own: a caller may train again from the same ones.
    keys = independent(jax.random.wrap_key_data(jax.random.key_data(keys), impl=jax.random.key_impl(keys)))
    model_keys, streams = _own_keys(keys)
    params, optimiser = jax.jit(jax.vmap(of_seed), compiler_options=RUNS_ONCE)(model_keys)
    return State(params, optimiser, streams, jnp.zeros(len(keys), jnp.int32))


@jax.jit
@jax.vmap
def _own_keys(key: Key[Array, ""]) -> tuple[Key[Array, ""], Array]:
    """A seed's key for its model, and the data of the key that its prompts are drawn with."""
    model_key, stream_key = jax.random.split(key)
    return model_key, jax.random.key_data(data_key(stream_key))


def split_numbers(task: Task, config: FitConfig) -> tuple[PyTree, tuple[Task, FitConfig]]:
    """The numbers that are arguments of the compiled loop, and what the loop is compiled for.

    They are those of the task and a constant learning rate: with these as arguments a training has the same bits. Not
    so the other settings of the optimiser and schedules, whose arithmetic is done in double precision beforehand. Zero
    is no argument: without noise there is no noise to draw.
    """
    is_argument = jax.tree.map(lambda leaf: isinstance(leaf, float) and leaf != 0, (task, config))
    others = jax.tree.map(lambda _: False, config)
    rate = is_argument[1].learning_rate if isinstance(config.learning_rate, float) else others.learning_rate
    is_argument = is_argument[0], eqx.tree_at(lambda each: each.learning_rate, others, rate)
    return eqx.partition((task, config), is_argument)


def advance(
    static_model: AbstractPredictor,
    task: AbstractTask | AbstractProcess,
    config: FitConfig,
    mesh: Mesh,
    states: State,
) -> tuple[State, Float[Array, "seeds steps"]]:
    """The states of all seeds, `config.num_steps` further, and each step's loss.

    One compiled program serves every training of the same shapes, whatever the numbers of `split_numbers`.
    """
    numbers, others = split_numbers(task, config)
    return _advance_all(static_model, jax.tree.map(jnp.asarray, numbers), others, mesh, states)


@eqx.filter_jit
def _advance_all(
    static_model: AbstractPredictor,
    numbers: PyTree,
    others: tuple[AbstractTask | AbstractProcess, FitConfig],
    mesh: Mesh,
    states: State,
) -> tuple[State, Float[Array, "seeds steps"]]:
    task, config = eqx.combine(numbers, others)
    num_seeds, a_device = len(states.step), -(-len(states.step) // mesh.size)

    @jax.jit  # traced once, however often it is asked for
    def of_seed(state: State) -> tuple[State, Float[Array, " steps"]]:
        return _advance_one(static_model, task, config, state)

    def of_seed_if_there(each: tuple[Int[Array, ""], State]) -> tuple[State, Float[Array, " steps"]]:
        index, state = each
        losses = jax.eval_shape(of_seed, state)[1]
        none = jnp.broadcast_to(state.step.astype(losses.dtype), losses.shape)  # numbers that nobody reads
        return lax.cond(index < num_seeds, of_seed, lambda same: (same, none), state)

    # One seed after the other measures faster than all of a device's side by side.
    def of_device(states: State) -> tuple[State, Float[Array, "shard steps"]]:
        if num_seeds % mesh.size == 0:
            return lax.map(of_seed, states)
        indices = lax.axis_index("seed") * a_device + jnp.arange(a_device)
        return lax.map(of_seed_if_there, (indices, states))

    padding = a_device * mesh.size - num_seeds  # every device has as many: some of the last one hold no seed
    padded = jax.tree.map(lambda leaf: jnp.pad(leaf, [(0, padding)] + [(0, 0)] * (leaf.ndim - 1)), states)
    # Unchecked: a model may loop from a start that is the same for all seeds.
    program = jax.shard_map(of_device, mesh=mesh, in_specs=SEED_AXIS, out_specs=SEED_AXIS, check_vma=False)
    found = program(padded)
    return jax.tree.map(lambda leaf: leaf[:num_seeds], found)


def _advance_one(
    static_model: AbstractPredictor, task: AbstractTask | AbstractProcess, config: FitConfig, state: State
) -> tuple[State, Float[Array, " steps"]]:
    # Draws depend on the step's number alone, and so not on chunks: a training goes on anywhere with the same bits.
    key = jax.random.wrap_key_data(state.key_data, impl=FAST)

    @jax.jit  # traced once for both places that draw
    def draws_at(step: Int[Array, ""]) -> PyTree[Array]:
        prompt_keys = jax.random.split(jax.random.fold_in(key, step), config.batch_size)
        return jax.vmap(lambda prompt_key: jax.tree.map(jnp.ravel, task.draw(prompt_key)))(prompt_keys)

    def observed(raveled: PyTree[Array]) -> Prompt | Sequence:
        draws = jax.tree.map(lambda leaf, like: leaf.reshape(like.shape), raveled, shapes)
        return task.sequence(draws) if isinstance(task, AbstractProcess) else task.prompt(draws)

    def update(carry, step):
        params, optimiser_state, draws = carry
        batch = jax.vmap(observed)(draws)
        loss, gradient = loss_and_gradient(static_model, params, batch)
        change, optimiser_state = config.optimiser().update(gradient, optimiser_state, params)
        return (optax.apply_updates(params, change), optimiser_state, draws_at(step + 1)), loss

    # The draws of the next step travel in the carry, one flat row a prompt: so XLA stores them, written by
    # one vectorised loop, where it would else repeat the generator in every consumer it is fused into.
    shapes = jax.eval_shape(task.draw, key)
    carry = (state.params, state.optimiser, draws_at(state.step))
    steps = state.step + jnp.arange(config.num_steps, dtype=jnp.int32)
    (params, optimiser_state, _), losses = lax.scan(update, carry, steps)
    return State(params, optimiser_state, state.key_data, state.step + config.num_steps), losses
