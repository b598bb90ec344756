"""A training that several studies may measure, computed once."""

import functools
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.configuration import describe
from mesascope.random import seed_key
from mesascope.study.cell import AbstractShared, Arrays, Workspace
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.training.config import FitConfig
from mesascope.training.fit import Trained, fit_seeds, static_part
from mesascope.training.loop import split_numbers
from mesascope.validation import check_seeds

Task = TypeVar("Task", bound=AbstractTask | AbstractProcess)


class Training(AbstractShared, Generic[Task]):
    """`make_model(key=...)` trained on `task`, for every seed from `first_seed`.

    `make_model` is a `functools.partial`, so that its arguments are part of the configuration.
    """

    make_model: functools.partial
    task: Task
    config: FitConfig
    seeds: int = 5
    first_seed: int = 0

    def __check_init__(self):
        check_seeds(self.seeds, self.first_seed)

    @property
    def label(self) -> str:
        return f"training of {self.seeds} seeds, {self.config.num_steps} steps"

    def compute(self, workspace: Workspace) -> Arrays:
        trained = fit_seeds(
            self._make,
            self.task,
            self.config,
            keys=seed_keys(self.first_seed, self.seeds),
            checkpoint=workspace.checkpoint,
            on_chunk=lambda step, losses: workspace.report(
                step, self.config.num_steps, f"loss {losses[:, -1].mean():.4f}"
            ),
        )
        leaves = jax.tree.leaves(eqx.filter(trained.snapshots, eqx.is_inexact_array))
        weights = {f"weights_{i:03d}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        return {"losses": np.asarray(trained.losses), "snapshot_steps": trained.snapshot_steps, **weights}

    def program(self) -> Any:
        return describe((self.make_model, *split_numbers(self.task, self.config)[1], self.seeds))

    def trained(self, workspace: Workspace) -> Trained:
        """The trained models, trained now unless they have been; every array has a leading axis over seeds."""
        arrays = workspace.need(self)
        static = static_part(self._make, seed_key(0))
        params = jax.eval_shape(lambda key: eqx.filter(self._make(key), eqx.is_inexact_array), seed_key(0))
        leaves = [arrays[name] for name in sorted(arrays) if name.startswith("weights_")]
        snapshots = jax.tree.unflatten(jax.tree.structure(params), leaves)
        last = jax.tree.map(lambda leaf: leaf[:, -1], snapshots)  # by numpy: JAX would compile a program for each shape
        model, stacked = (eqx.combine(jax.tree.map(jnp.asarray, weights), static) for weights in (last, snapshots))
        return Trained(model, jnp.asarray(arrays["losses"]), stacked, arrays["snapshot_steps"])

    def _make(self, key: Key[Array, ""]) -> Any:
        return self.make_model(key=key)


def seed_keys(first_seed: int, num_seeds: int) -> Key[Array, " seeds"]:
    """The keys of consecutive seeds; ValueError for seeds beyond the range of 32 bits."""
    check_seeds(num_seeds, first_seed)
    return jax.vmap(seed_key)(jnp.uint32(first_seed) + jnp.arange(num_seeds, dtype=jnp.uint32))


def every(trained: Trained, num_snapshots: int) -> tuple[Any, np.ndarray]:
    """About `num_snapshots` of the snapshots, evenly spread, the first and the last among them, and their steps."""
    chosen = np.unique(np.linspace(0, len(trained.snapshot_steps) - 1, num_snapshots).round().astype(int))
    arrays, static = eqx.partition(trained.snapshots, eqx.is_array)
    snapshots = eqx.combine(jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[:, chosen]), arrays), static)
    return snapshots, trained.snapshot_steps[chosen]
