"""Put a model of your own under the same probes: anything that maps a prompt to a prediction will do."""

import jax
import jax.numpy as jnp

import mesascope as ms
from mesascope.predictor import AbstractPredictor


class NearestNeighbour(AbstractPredictor):
    """The label of the example whose input lies closest to the query."""

    def __call__(self, prompt):
        distances = jnp.sum((prompt.xs - prompt.query[None, :]) ** 2, axis=1)
        return prompt.ys[jnp.argmin(distances)]


prompts = ms.LinearRegression().sample_batch(jax.random.key(0), 2000)
candidates = {
    "gradient descent": ms.GradientDescent(6.06),
    "ridge": ms.Ridge(0.1),
    "least squares": ms.LeastSquares(),
    "zero": ms.ZeroPredictor(),
}
mine = jax.jit(jax.vmap(NearestNeighbour()))(prompts)
for name, candidate in candidates.items():
    theirs = jax.jit(jax.vmap(candidate))(prompts)
    print(f"{name:17} mean distance of the predictions {jnp.linalg.norm(mine - theirs, axis=1).mean():.3f}")
