"""Train a layer on sequences s_{t+1} = W s_t, W new for each, and hold it against what it may have learned."""

import jax

import mesascope as ms

process = ms.HaarProcess(num_states=20, dim=4)
config = ms.FitConfig(num_steps=200, batch_size=256, learning_rate=0.01)
model = ms.SequenceTransformer.initialise(4, norm=None, key=jax.random.key(0))
layer = ms.fit(model, process, config, key=jax.random.key(1)).model

rivals = {f"a gradient step, rate {rate:g}": ms.GradientDescentAlongSequence(rate) for rate in (0.02, 0.04, 0.06)}
rivals["ridge regression"] = ms.RidgeAlongSequence(0.1)
print(ms.compare(layer, rivals, process, key=jax.random.key(2)))
