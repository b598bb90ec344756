"""The mean label of the examples nearest to the query."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.linalg import order_of
from mesascope.predictor import AbstractStepwise
from mesascope.prompt import Prompt
from mesascope.validation import check_count


class NearestNeighbours(AbstractStepwise):
    """yhat = 1/k sum of the y_i whose x_i are nearest to the query, after "step" k for k = 1, ..., num_neighbours.

    Nearest by |x_i - x|; of examples as near as each other the earlier counts first. Of fewer than k examples all
    count, of none the prediction is zero (Fix and Hodges 1951; Cover and Hart 1967). Costs O(n (dx + dy + log n)).
    """

    num_neighbours: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_count("num_neighbours", self.num_neighbours)

    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        prompt = prompt.alike()
        differences = prompt.xs - prompt.query[None]
        differences = differences / order_of(differences).astype(differences.dtype)
        distances = jnp.sum(jnp.abs(differences) ** 2, axis=1)
        if prompt.mask is not None:
            distances = jnp.where(prompt.mask, distances, jnp.inf)
        labels = prompt.ys[jnp.argsort(distances, stable=True)]
        sums = jnp.pad(jnp.cumsum(labels, axis=0), ((1, 0), (0, 0)))
        counts = jnp.minimum(jnp.arange(1, self.num_neighbours + 1, dtype=jnp.int32), prompt.num_examples)
        return sums[counts] / jnp.maximum(counts, 1).astype(sums.dtype)[:, None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Up to twelve neighbours."""
        says = "the mean label of the {num_steps} nearest example(s)"
        return (Candidate("nearest-neighbours", says, _of_steps, (), tuple(range(1, 13))),)

    @classmethod
    def examples(cls) -> "tuple[NearestNeighbours, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(3)


def _of_steps(num_steps: int) -> NearestNeighbours:
    return NearestNeighbours(num_steps)
