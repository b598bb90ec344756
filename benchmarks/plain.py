"""The plain implementation that benchmarks compare with, and the clock they share.

What one writes first: JAX's default keys, attention for all tokens in every layer, one jitted update a step from a
Python loop, one seed after another.
"""

import statistics
import time

import jax
import jax.numpy as jnp
import optax

import mesascope as ms

WEIGHTS = ("query", "key", "value", "output")


def plain_prompt(key, size=10):
    inputs_key, weights_key, query_key = jax.random.split(key, 3)
    inputs = jax.random.uniform(inputs_key, (size, size), minval=-0.5, maxval=0.5)
    weights = jax.random.normal(weights_key, (size,))
    query = jax.random.uniform(query_key, (size,), minval=-0.5, maxval=0.5)
    context = jnp.concatenate([inputs, (inputs @ weights)[:, None]], axis=1)
    return context, jnp.concatenate([query, jnp.zeros(1)]), query @ weights


def plain_predict(layers, context, query):
    tokens = jnp.concatenate([context, query[None]])
    for weights in layers:
        seen = tokens[:-1]
        scores = (tokens @ weights["query"]) @ (seen @ weights["key"]).T
        tokens = tokens + (scores @ (seen @ weights["value"])) @ weights["output"]
    return -tokens[-1, -1]


class Plain:
    """`num_layers` layers of their own weights, or one applied `num_repeats` times, trained at N = d = 10."""

    def __init__(self, config, seed=0, num_layers=1, num_repeats=1):
        self.optimiser = config.optimiser()
        keys = iter(jax.random.split(jax.random.key(seed), 4 * num_layers))
        self.params = [
            {name: 0.0135 * jax.random.truncated_normal(next(keys), -2, 2, (11, 11)) for name in WEIGHTS}
            for _ in range(num_layers)
        ]
        self.state = self.optimiser.init(self.params)
        self.key = jax.random.key(100 + seed)

        def loss_fn(params, key):
            contexts, queries, targets = jax.vmap(plain_prompt)(jax.random.split(key, config.batch_size))
            predictions = jax.vmap(plain_predict, in_axes=(None, 0, 0))(params * num_repeats, contexts, queries)
            return jnp.mean((predictions - targets) ** 2) / 2

        @jax.jit
        def update(params, state, key):
            loss, gradient = jax.value_and_grad(loss_fn)(params, key)
            change, state = self.optimiser.update(gradient, state, params)
            return optax.apply_updates(params, change), state, loss

        self.update = update

    def run(self, num_steps):
        for _ in range(num_steps):
            self.key, step_key = jax.random.split(self.key)
            self.params, self.state, loss = self.update(self.params, self.state, step_key)
        return float(loss)


def time_ours(num_steps, num_seeds, batch_size, **model):
    """Seconds of set-up and compilation, and of a step of all seeds after the first chunk."""
    ticks = [time.perf_counter()]
    config = ms.FitConfig(num_steps=num_steps, batch_size=batch_size, chunk_size=num_steps // 6)
    ms.fit_seeds(
        lambda key: ms.Transformer.initialise(10, key=key, **model),
        ms.LinearRegression(),
        config,
        keys=jax.random.split(jax.random.key(0), num_seeds),
        on_chunk=lambda step, losses: ticks.append(time.perf_counter()),
    )
    seconds_a_step = (ticks[-1] - ticks[1]) / (num_steps - config.chunk_size)
    return ticks[1] - ticks[0] - config.chunk_size * seconds_a_step, seconds_a_step


def compare(options, num_steps, plain_steps, **model):
    """Print both sides' milliseconds a step and seed, measured in turn, and the ratio of their medians."""
    started = time.perf_counter()
    plain = Plain(ms.FitConfig(batch_size=options.batch_size), **model)
    plain.run(1)
    plain_compile = time.perf_counter() - started
    plain_times, our_times, our_compile = [], [], None
    for _ in range(options.rounds):
        started = time.perf_counter()
        plain.run(plain_steps)
        plain_times.append((time.perf_counter() - started) / plain_steps)
        compile_seconds, seconds_a_step = time_ours(num_steps, options.seeds, options.batch_size, **model)
        our_compile = our_compile or compile_seconds
        our_times.append(seconds_a_step / options.seeds)
    plain_ms, our_ms = (1e3 * statistics.median(times) for times in (plain_times, our_times))
    print(f"plain     {plain_ms:8.3f} ms a step and seed, {plain_compile:5.1f} s to start")
    print(f"mesascope {our_ms:8.3f} ms a step and seed, {our_compile:5.1f} s to start")
    print(f"ratio {plain_ms / our_ms:.1f}", flush=True)
