"""Train a layer on sequences s_{t+1} = W s_t, W new for each, and hold it against what it may have learned."""

import jax
import jax.numpy as jnp

import mesascope as ms

process = ms.HaarProcess(num_states=20, dim=4)
config = ms.FitConfig(num_steps=500, batch_size=256, learning_rate=0.01)
model = ms.SequenceTransformer.initialise(4, normalise=False, key=jax.random.key(0))
layer = ms.fit(model, process, config, key=jax.random.key(1)).model

held_out = process.sample_batch(jax.random.key(2), 1000)
rivals = {f"gradient step, {rate:g}": ms.DescentAlongSequence(rate) for rate in (0.02, 0.04, 0.06)}
rivals["ridge regression"] = ms.RidgeAlongSequence(0.1)


def forecasts(predictor):
    """What is said of the second state, the third, ..., from those before it."""
    return jax.jit(jax.vmap(predictor.next_states))(held_out)[:, :-1]


def per_state(difference):
    return float(jnp.mean(jnp.sum(difference**2, axis=-1)))


ours = forecasts(layer)
print(f"{'':<24}   loss   distance from the layer")
print(f"{'the layer':<24} {per_state(ours - held_out.states[:, 1:]):6.3f}")
for name, rival in rivals.items():
    theirs = forecasts(rival)
    print(f"{name:<24} {per_state(theirs - held_out.states[:, 1:]):6.3f} {per_state(ours - theirs):6.3f}")
