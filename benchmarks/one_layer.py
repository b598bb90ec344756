"""One training step of one attention layer: ours against a plain implementation, in turn, in one process.

Both train N = d = 10 at batch 2048 with the same optimiser and loss. Plain is what one writes first: JAX's default
keys, attention for all tokens, one jitted update a step from a Python loop, one seed after another. Ours is
`mesascope.fit_seeds`. The last line is the ratio of the medians, plain over ours, of milliseconds a step and seed.
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import optax

import mesascope as ms


def plain_prompt(key, size=10):
    inputs_key, weights_key, query_key = jax.random.split(key, 3)
    inputs = jax.random.uniform(inputs_key, (size, size), minval=-0.5, maxval=0.5)
    weights = jax.random.normal(weights_key, (size,))
    query = jax.random.uniform(query_key, (size,), minval=-0.5, maxval=0.5)
    context = jnp.concatenate([inputs, (inputs @ weights)[:, None]], axis=1)
    return context, jnp.concatenate([query, jnp.zeros(1)]), query @ weights


def plain_predict(params, context, query):
    tokens = jnp.concatenate([context, query[None]])
    scores = (tokens @ params["query"]) @ (context @ params["key"]).T
    return -(tokens + (scores @ (context @ params["value"])) @ params["output"])[-1, -1]


def plain_loss(params, key, batch_size):
    contexts, queries, targets = jax.vmap(plain_prompt)(jax.random.split(key, batch_size))
    predictions = jax.vmap(plain_predict, in_axes=(None, 0, 0))(params, contexts, queries)
    return jnp.mean((predictions - targets) ** 2) / 2


class Plain:
    def __init__(self, config, seed):
        self.optimiser = config.optimiser()
        keys = jax.random.split(jax.random.key(seed), 4)
        names = ("query", "key", "value", "output")
        self.params = {
            name: 0.0135 * jax.random.truncated_normal(key, -2, 2, (11, 11))
            for name, key in zip(names, keys, strict=True)
        }
        self.state = self.optimiser.init(self.params)
        self.key = jax.random.key(100 + seed)

        @jax.jit
        def update(params, state, key):
            loss, gradient = jax.value_and_grad(plain_loss)(params, key, config.batch_size)
            change, state = self.optimiser.update(gradient, state, params)
            return optax.apply_updates(params, change), state, loss

        self.update = update

    def run(self, num_steps):
        for _ in range(num_steps):
            self.key, step_key = jax.random.split(self.key)
            self.params, self.state, loss = self.update(self.params, self.state, step_key)
        return float(loss)


def time_ours(num_steps, num_seeds, batch_size):
    """Seconds of set-up and compilation, and of a step of all seeds after the first chunk."""
    ticks = [time.perf_counter()]
    config = ms.FitConfig(num_steps=num_steps, batch_size=batch_size)
    ms.fit_seeds(
        lambda key: ms.Transformer.initialise(10, key=key),
        ms.LinearRegression(),
        config,
        keys=jax.random.split(jax.random.key(0), num_seeds),
        on_chunk=lambda step, losses: ticks.append(time.perf_counter()),
    )
    seconds_a_step = (ticks[-1] - ticks[1]) / (num_steps - config.chunk_size)
    return ticks[1] - ticks[0] - config.chunk_size * seconds_a_step, seconds_a_step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times each side is measured, in turn")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=2048)
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)  # both sides compile from nothing
    started = time.perf_counter()
    plain = Plain(ms.FitConfig(batch_size=options.batch_size), seed=0)
    plain.run(1)
    plain_compile = time.perf_counter() - started
    plain_times, our_times, our_compile = [], [], None
    for _ in range(options.rounds):
        started = time.perf_counter()
        plain.run(100)
        plain_times.append((time.perf_counter() - started) / 100)
        compile_seconds, seconds_a_step = time_ours(600, options.seeds, options.batch_size)
        our_compile = our_compile or compile_seconds
        our_times.append(seconds_a_step / options.seeds)
    plain_ms, our_ms = (1e3 * statistics.median(times) for times in (plain_times, our_times))
    print(f"{len(jax.devices())} devices, {options.seeds} seeds, batch {options.batch_size}, N = d = 10")
    print(f"plain     {plain_ms:8.3f} ms a step and seed, {plain_compile:5.1f} s to start")
    print(f"mesascope {our_ms:8.3f} ms a step and seed, {our_compile:5.1f} s to start")
    print(f"ratio {plain_ms / our_ms:.1f}")


if __name__ == "__main__":
    main()
