"""The posterior mean over a finite pool of tasks."""

from functools import partial

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.candidate import Candidate, Parameter
from mesascope.contraction import masked_softmax
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_finite_array, check_numbers, check_positive


class PoolPosterior(AbstractLinearLearner):
    """W = sum_m p_m W_m, p_m proportional to exp(-sum_i |y_i - W_m x_i|^2 / (2 noise_std^2)): of each task of a pool.

    The Bayes predictor where each prompt's task is one of the pool's, all equally likely, and the labels' noise is
    N(0, noise_std^2) in each of the dy coordinates (Raventos et al. 2023, section 2, equation 3, "dMMSE"). The squared
    errors are summed over examples and outputs, so that more examples decide more sharply. For complex prompts the
    noise's real and imaginary parts have this deviation each. Without examples W is the pool's mean.

    `pool` [m dy dx] has a row W_m a task. ValueError unless it is finite, of as many inputs and outputs as the prompt,
    and `noise_std` is positive. A prompt costs O(m n dx dy), and as much memory as m n dy numbers. Pools whose tasks
    have different weights are not covered.
    """

    pool: Inexact[Array, "m dy dx"]
    noise_std: float | Inexact[Array, ""] = 1.0

    def __check_init__(self):
        check_numbers("pool", self.pool, "[m dy dx]")
        if self.pool.ndim != 3 or not len(self.pool):
            raise ValueError(
                f"`pool` must be an array [m dy dx] of one task or more; got shape {self.pool.shape}. "
                "Tasks of one output each: `weights[:, None, :]`."
            )
        check_finite_array("pool", self.pool)
        check_positive("noise_std", self.noise_std)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        if self.pool.shape[1:] != (prompt.dim_y, prompt.dim_x):
            raise ValueError(
                f"`pool` must have shape (m, {prompt.dim_y}, {prompt.dim_x}), tasks by outputs by inputs, for this "
                f"prompt; got {self.pool.shape}."
            )
        posterior = self._posterior(prompt)
        return jnp.einsum("m,moi->oi", posterior.astype(prompt.ys.dtype), self.pool.astype(prompt.ys.dtype))[None]

    def _posterior(self, prompt: Prompt) -> Inexact[Array, " m"]:
        """The probability of each task.

        Errors are compared with those of the likeliest task, by the difference of the two predictions: what noise adds
        to both would else round their difference away.
        """
        pool = self.pool.astype(prompt.ys.dtype)
        predictions = jnp.einsum("moi,ni->mno", pool, prompt.xs)
        best = jnp.argmin(jnp.sum(jnp.abs(prompt.ys[None] - predictions) ** 2, axis=(1, 2)))
        apart = jnp.einsum("moi,ni->mno", pool - pool[best][None], prompt.xs)
        residuals = prompt.ys - predictions[best]
        more = jnp.sum(jnp.real(apart * jnp.conj(apart - 2 * residuals[None])), axis=(1, 2))
        logits = -more / (2 * jnp.asarray(self.noise_std, more.dtype) ** 2)
        return masked_softmax(logits, jnp.ones(logits.shape, bool))

    @classmethod
    def candidate_for(cls, pool: Inexact[Array, "m dy dx"]) -> Candidate:
        """The posterior mean over this pool, its noise searched from 1/100 to 10 times the labels' size."""
        cls(pool)  # refuses what is no pool
        says = f"the posterior mean over a pool of {len(pool)} tasks"
        return Candidate("pool-posterior", says, partial(cls, pool), (Parameter("noise_std", 0.01, 10.0, labels=1),))

    @classmethod
    def examples(cls) -> "tuple[PoolPosterior, ...]":
        """Tiny instances for tests and documentation: pools for prompts of 3 inputs and 2 outputs."""
        pool = jnp.sin(jnp.arange(24.0)).reshape(4, 2, 3)
        return cls(pool), cls(pool[:1], 0.1), cls(pool, 0.2)
