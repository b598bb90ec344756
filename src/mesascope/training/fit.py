"""`fit` and `fit_seeds`: train a model, or one for every key, on fresh prompts of a task or sequences of a process."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, Key

from mesascope.arrays import UnusableFile, load_arrays, save_arrays
from mesascope.configuration import describe, differences
from mesascope.leaks import check_leaks
from mesascope.predictor import AbstractForecaster, AbstractPredictor, AbstractSequencePredictor, check_predictor
from mesascope.printing import numbers
from mesascope.prompt import Prompt, Sequence
from mesascope.random import generators, seed_key
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.training.config import FitConfig
from mesascope.training.loop import advance, seed_mesh, starting_states
from mesascope.training.runtime import set_up_runtime
from mesascope.validation import check_callable, check_class, check_count, check_key, check_precision


class Trained(NamedTuple):
    """What training leaves. From `fit_seeds` every array that training changes has a leading axis over the keys.

    `losses` are 1/2 |prediction - target|^2 averaged over a batch never seen before, each before its update.
    `snapshots` are the models at the start and after every chunk, on an axis behind the seeds', and
    `snapshot_steps` the number of updates each of them had seen.
    """

    model: Any
    losses: Inexact[Array, "*seeds steps"]
    snapshots: Any
    snapshot_steps: Int[np.ndarray, " snapshots"]

    def __repr__(self) -> str:
        num_steps = self.losses.shape[-1]
        seeds = "" if self.losses.ndim == 1 else f"{len(self.losses)} seed{'s' * (len(self.losses) != 1)}, "
        ends = f", last training loss {numbers(np.real(np.asarray(self.losses)[..., -1]).ravel())}" if num_steps else ""
        return f"Trained({type(self.model).__name__}, {seeds}{num_steps} steps{ends})"

    def seed(self, index: int) -> "Trained":
        """The training of one of the keys given to `fit_seeds`; ValueError where there is no such one."""
        if self.losses.ndim == 1:
            raise ValueError(
                "`seed` must be asked of trainings of several keys; got that of one, as `fit` leaves. Use it as it is."
            )
        check_count("index", index, minimum=-len(self.losses))
        if index >= len(self.losses):
            raise ValueError(f"`index` must be below {len(self.losses)}, the number of seeds; got {index}.")
        changed, kept = eqx.partition(self, eqx.is_inexact_array)
        one = eqx.combine(jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[index]), changed), kept)
        return one._replace(snapshot_steps=self.snapshot_steps)


class TrainingInterrupted(KeyboardInterrupt):
    """Training was stopped from the keyboard; `trained` is what had been done by then."""

    def __init__(self, trained: Trained):
        super().__init__(f"training was stopped after {trained.losses.shape[-1]} steps")
        self.trained = trained


def fit(
    model: AbstractPredictor,
    task: AbstractTask | AbstractProcess,
    config: FitConfig | None = None,
    *,
    key: Key[Array, ""],
    checkpoint: Path | str | None = None,
    on_chunk: Callable[[int, np.ndarray], None] | None = None,
) -> Trained:
    """Train `model`; everything else is as in `fit_seeds`."""
    check_predictor("model", model)
    check_key("key", key)
    try:
        trained = fit_seeds(lambda _: model, task, config, keys=key[None], checkpoint=checkpoint, on_chunk=on_chunk)
    except TrainingInterrupted as stop:
        raise TrainingInterrupted(stop.trained.seed(0)) from None
    return trained.seed(0)


def fit_seeds(
    make_model: Callable[[Key[Array, ""]], AbstractPredictor],
    task: AbstractTask | AbstractProcess,
    config: FitConfig | None = None,
    *,
    keys: Key[Array, " seeds"],
    checkpoint: Path | str | None = None,
    on_chunk: Callable[[int, Float[np.ndarray, "seeds steps"]], None] | None = None,
) -> Trained:
    """Train `make_model(key)` for every key, in one compiled program, seeds spread over the devices there are.

    A seed's result depends on its key and, in its last bits only, on how many seeds share a device.
    `on_chunk(steps done, losses of the chunk)` is called after every chunk. With a `checkpoint` file, training
    continues from it where it exists, and the file is kept up to date: on as many devices, bit for bit as if it had
    never stopped. A finished one continues with a larger `num_steps`, with the bits of one run: a last chunk that was
    shorter than `chunk_size` is then made again as part of a whole one.

    Raises ValueError where the model is not of what is drawn: a model of sequences takes a process, another a task; for
    one that has no weights, or that reads what it has to predict (`check_leaks`, asked before the first chunk and after
    it); for weights of fewer than 32 bits, whose sums overflow or lose digits; and for a checkpoint in a folder that is
    not there. Raises `UnusableFile` (a ValueError) for a checkpoint that is damaged, of more steps, or of another
    training, naming what differs; it is left as it is. Raises `TrainingInterrupted` (a KeyboardInterrupt that carries
    the partial result) on Ctrl-C.
    """
    check_key("keys", keys, ndim=1)
    if isinstance(make_model, AbstractPredictor):
        raise ValueError("`make_model` must be a function that makes a model; got the model. Take `lambda key: model`.")
    check_callable(
        "make_model", make_model, 1, "It makes the model for a key: `lambda key: Transformer.initialise(5, key=key)`."
    )
    if on_chunk is not None:
        check_callable("on_chunk", on_chunk, 2, "It is called with the steps done and the chunk's losses.")
    config = FitConfig() if config is None else config
    check_class("config", config, FitConfig, "Make one: `FitConfig(num_steps=600)`.")
    path = None if checkpoint is None else _checkpoint_path(checkpoint)
    set_up_runtime()
    run = _Run(make_model, task, config, keys)
    if path is not None and path.exists():
        run.restore(path)
    run.check_leaks()
    started = run.step
    try:
        while run.step < run.config.num_steps:
            losses = run.advance()
            if run.step - len(losses[0]) == started:
                run.check_leaks()  # now that no weight is where it started
            if path is not None:
                run.save(path)
            if on_chunk is not None:
                on_chunk(run.step, losses)
    except KeyboardInterrupt:
        raise TrainingInterrupted(run.trained()) from None
    return run.trained()


def static_part(make_model: Callable[[Key[Array, ""]], Any], key: Key[Array, ""]) -> Any:
    """The model without the arrays that training changes; those are never computed."""
    shapes = eqx.filter_eval_shape(make_model, key)
    static = jax.tree.map(lambda leaf: None if _is_inexact(leaf) else leaf, shapes)
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(static)):  # whole numbers: they are kept
        return eqx.filter_jit(lambda key: eqx.filter(make_model(key), eqx.is_inexact_array, inverse=True))(key)
    return static


def _is_inexact(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.inexact)


def _checkpoint_path(checkpoint: Any) -> Path:
    check_class("checkpoint", checkpoint, (str, Path), "Name a file: `checkpoint='model.safetensors'`.")
    path = Path(checkpoint)
    if not path.parent.is_dir():
        raise ValueError(f"`checkpoint` must lie in a folder that is there; got {path}. Make {path.parent} first.")
    if path.is_dir():
        raise ValueError(f"`checkpoint` must be a file; got {path}, a folder. Name a file in it.")
    return path


def _check_pair(model: Any, task: AbstractTask | AbstractProcess) -> None:
    """Raise ValueError unless a model of prompts comes with a task, or a model of sequences with a process."""
    check_predictor("model", model)
    check_class("task", task, (AbstractTask, AbstractProcess), "Make one: `LinearRegression(10, 10)`.")
    got = f"got {type(model).__name__} and {type(task).__name__}"
    if isinstance(task, AbstractProcess) and not isinstance(model, AbstractSequencePredictor):
        raise ValueError(
            f"`model` must be a model of sequences for a process; {got}. Take such a model, as SequenceTransformer or "
            "AugmentedLayer, or a task, as LinearRegression."
        )
    if isinstance(task, AbstractTask) and isinstance(model, AbstractForecaster):
        raise ValueError(
            f"`model` must be a model of prompts for a task; {got}. Take such a model, as Transformer, or a process, "
            "as HaarProcess."
        )


@eqx.filter_jit  # traced once for many trainings
def _sample(task: AbstractTask | AbstractProcess, key: Key[Array, ""]) -> Prompt | Sequence:
    return task.sample(key)


class _Run:
    """The state of a training: what a checkpoint holds."""

    def __init__(self, make_model, task: AbstractTask | AbstractProcess, config: FitConfig, keys: Key[Array, " seeds"]):
        self.config, self.mesh = config, seed_mesh(len(keys))
        self.static_model = static_part(make_model, keys[0])
        _check_pair(self.static_model, task)
        self.observed = eqx.filter_eval_shape(_sample, task, seed_key(0))
        self.states = jax.tree.map(np.asarray, starting_states(make_model, config, keys))
        weights = jax.tree.leaves(self.states.params)
        if not weights:
            raise ValueError(
                "`model` must have weights to train, arrays of real or complex numbers; got "
                f"{type(self.static_model).__name__} without any. Make its numbers arrays, as `jnp.asarray(0.5)`."
            )
        for each in weights:
            check_precision("model", each.dtype, "Make its weights `jnp.float32`.")
        self.losses = np.zeros((len(keys), 0), np.result_type(float))
        self.snapshots = [self.states.params]
        self.task, self.keys = task, keys

    @property
    def identity(self) -> Any:
        """What a checkpoint must be of, for this training to continue from it: all but how many steps it makes."""
        settings = describe(self.config)
        del settings["num_steps"]
        return describe({
            "config": settings,
            "task": self.task,
            "model": str(self.static_model),
            "keys": jax.random.key_data(self.keys),
            "generator": str(jax.random.key_impl(self.keys)),
            "generators": generators(),
            "precision": str(jnp.result_type(float)),
        })  # fmt: skip

    @property
    def step(self) -> int:
        return self.losses.shape[1]

    def check_leaks(self) -> None:
        """Raise ValueError where the first seed's model, as it is by now, reads what it has to predict."""
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), self.states.params)
        check_leaks(eqx.combine(params, self.static_model), self.observed, "model")

    def advance(self) -> Float[np.ndarray, "seeds steps"]:
        num_steps = min(self.config.chunk_size, self.config.num_steps - self.step)
        config = replace(self.config, num_steps=num_steps, chunk_size=num_steps)
        found = advance(self.static_model, self.task, config, self.mesh, self.states)
        states, losses = jax.tree.map(np.asarray, found)  # on no device, as every chunk's: one program for all
        self.losses = np.concatenate([self.losses.astype(losses.dtype), losses], axis=1)
        self.snapshots.append(states.params)
        if num_steps == self.config.chunk_size:  # a shorter chunk is the last; one that goes further makes it whole
            self.states = states
        return losses

    def trained(self) -> Trained:
        snapshots = jax.tree.map(lambda *leaves: np.stack(leaves, axis=1), *self.snapshots)
        steps = np.minimum(np.arange(len(self.snapshots)) * self.config.chunk_size, self.step)
        arrays = (jax.tree.map(jnp.asarray, params) for params in (self.snapshots[-1], snapshots))
        model, stacked = (eqx.combine(params, self.static_model) for params in arrays)
        return Trained(model, jnp.asarray(self.losses), stacked, steps)

    def save(self, path: Path) -> None:
        """Write everything that continuing needs."""
        leaves = jax.tree.leaves((self.states, self.losses, self.snapshots))
        save_arrays(path, {f"{i:05d}": np.asarray(leaf) for i, leaf in enumerate(leaves)}, self.identity)

    def restore(self, path: Path) -> None:
        """Continue from what `save` wrote for the same configuration."""
        arrays, identity = load_arrays(path)
        if different := differences(identity, self.identity, "file"):
            raise UnusableFile(path, f"belongs to another training ({', '.join(different[:3])})")
        leaves = [arrays[name] for name in sorted(arrays)]
        state_structure = jax.tree.structure(self.states)
        params_structure = jax.tree.structure(self.states.params)
        start = leaves[state_structure.num_leaves + 1 :][: params_structure.num_leaves]
        if not all(map(_same_start, start, jax.tree.leaves(self.snapshots[0]))):
            raise UnusableFile(path, "belongs to a training that started from other weights")
        self.states = jax.tree.unflatten(state_structure, leaves[: state_structure.num_leaves])
        self.losses, *rest = leaves[state_structure.num_leaves :]
        size = params_structure.num_leaves
        self.snapshots = [
            jax.tree.unflatten(params_structure, rest[start : start + size]) for start in range(0, len(rest), size)
        ]
        if self.step > self.config.num_steps:
            raise UnusableFile(path, f"is of {self.step} steps, more than `num_steps`, {self.config.num_steps}")
        if self.step < self.config.num_steps:  # then a last chunk that is not whole is made anew
            self.losses = self.losses[:, : int(self.states.step[0])]
            self.snapshots = self.snapshots[: 1 + self.step // self.config.chunk_size]


def _same_start(stored: np.ndarray, fresh: np.ndarray) -> bool:
    """Whether initial weights are the same but for last bits, which depend on the seeds that share a device."""
    alike = stored.shape == fresh.shape and stored.dtype == fresh.dtype
    return alike and np.allclose(stored, fresh, rtol=1e-4, atol=0, equal_nan=True)
