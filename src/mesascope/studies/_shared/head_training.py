"""One linear attention head trained on its population loss, which is known in closed form."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_preconditioner
from mesascope.studies._shared.training import seed_keys
from mesascope.study.cell import AbstractShared, Arrays, Workspace
from mesascope.theory.linear_head import head_loss
from mesascope.training.exact import AbstractOptimiser, fit_exact


class TrainedHeads(NamedTuple):
    """Losses [seeds records] after `steps` [records], and the products [seeds t t] that training ends with."""

    steps: np.ndarray
    losses: np.ndarray
    key_query: np.ndarray
    output_value: np.ndarray

    def matrices(self, num_examples: int) -> Float[np.ndarray, "seeds d d"]:
        """The matrix A of the preconditioned step that each head makes."""
        dim = self.key_query.shape[-1] - 1
        with jax.enable_x64(True):
            products = jnp.asarray(self.key_query), jnp.asarray(self.output_value)
            read = jax.vmap(lambda reads, writes: learned_preconditioner(reads, writes, dim, num_examples).matrix)
            return np.asarray(jax.jit(read)(*products))

    def layer(self, seed: int) -> Transformer:
        """The model of one layer with the products of one seed."""
        products = jnp.asarray(self.key_query[seed], float)[None], jnp.asarray(self.output_value[seed], float)[None]
        identity = jnp.eye(products[0].shape[-1])[None]
        return Transformer(
            (LinearSelfAttention(identity, *products, identity),), JoinedTokens(products[0].shape[-1] - 1)
        )


class HeadTraining(AbstractShared):
    """`make_head(key=...)` trained on inputs of these variances, for every seed from `first_seed`, in float64.

    A head is a module with the products `key_query` and `output_value` [1 t t] of a layer that sums over examples.
    """

    make_head: functools.partial
    variances: tuple[float, ...]
    num_examples: int
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int = 5
    first_seed: int = 0
    num_records: int = 100

    @property
    def label(self) -> str:
        return f"exact training of {self.seeds} heads, {self.num_steps} steps, n = {self.num_examples}"

    def compute(self, workspace: Workspace) -> Arrays:
        """`TrainedHeads`."""
        with jax.enable_x64(True):
            covariance = jnp.diag(jnp.asarray(self.variances, float))
            trained = fit_exact(
                lambda head: head_loss(head.key_query[0], head.output_value[0], covariance, self.num_examples),
                lambda key: self.make_head(key=key),
                self.optimiser,
                keys=seed_keys(self.first_seed, self.seeds),
                num_steps=self.num_steps,
                num_records=self.num_records,
            )
            products = jax.vmap(lambda head: (head.key_query[0], head.output_value[0]))(trained.params)
            found = TrainedHeads(trained.steps, *map(np.asarray, (trained.losses, *products)))
        workspace.report(1, 1, f"loss {found.losses[:, -1].mean():.4g}")
        return found._asdict()

    def trained(self, workspace: Workspace) -> TrainedHeads:
        """The trained heads, trained now unless they have been."""
        return TrainedHeads(**workspace.need(self))
