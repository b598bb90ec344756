"""Training steps against the number of examples: ours, plain attention, and ours on second moments drawn directly.

Two tied layers, d = 10, forward, backward and update, microseconds a prompt; every side of one length uses one batch
size. Plain attention forms all N x N scores. Ours reads its context through second moments; on Gaussian inputs their
law is known, and a step on them does not depend on N. Writes context_length.png to --to.
"""

import argparse
import itertools
import statistics
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp

import mesascope as ms
from mesascope.models.attention import AbstractAttention, LinearSelfAttention
from mesascope.tasks.gaussian_regression import GaussianRegression, SecondMoments

BATCH_SIZES = {10: 2048, 100: 512, 1000: 16, 10_000: 2}  # by the number of examples


class PlainSelfAttention(AbstractAttention):
    """The map of linear attention with its scores written out; no subclass of it, which would be read by moments."""

    def __call__(self, context, tokens):
        updates = [
            (tokens @ query.T @ (context @ key.T).T) @ (context @ value.T) @ output.T
            for key, query, value, output in zip(self.key, self.query, self.value, self.output, strict=True)
        ]
        return sum(updates[1:], updates[0])

    @classmethod
    def examples(cls):
        return ()


def microseconds_a_prompt(attention, task, batch_size, rounds):
    """The median over chunks of one training."""
    ticks, chunk = [], 5
    config = ms.FitConfig(num_steps=chunk * (rounds + 1), batch_size=batch_size, chunk_size=chunk)
    make_model = partial(ms.Transformer.initialise, 10, num_repeats=2, attention=attention)
    ms.fit(
        make_model(key=jax.random.key(0)),
        task,
        config,
        key=jax.random.key(1),
        on_chunk=lambda step, losses: ticks.append(time.perf_counter()),
    )
    seconds = statistics.median(later - earlier for earlier, later in itertools.pairwise(ticks))
    return 1e6 * seconds / (chunk * batch_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times five steps are measured")
    parser.add_argument(
        "--lengths", type=int, nargs="+", choices=BATCH_SIZES, default=[*BATCH_SIZES], help="numbers of examples"
    )
    parser.add_argument("--to", type=Path, default=Path(), help="directory for the plot")
    options = parser.parse_args()
    sides = {"plain attention": [], "mesascope": [], "mesascope, second moments drawn": []}
    print(f"{'examples':>8} {'batch':>6}  " + "  ".join(sides) + "   (microseconds a prompt and step)")
    for length in options.lengths:
        task = GaussianRegression(num_examples=length, input_scale=3**-0.5 / 2)
        moments = SecondMoments(GaussianRegression(num_examples=max(length, 11), input_scale=3**-0.5 / 2))
        batch_size = BATCH_SIZES[length]
        runs = ((PlainSelfAttention, task, batch_size), (LinearSelfAttention, task, batch_size))
        runs = (*runs, (LinearSelfAttention, moments, 2048))
        for times, run in zip(sides.values(), runs, strict=True):
            times.append(microseconds_a_prompt(*run, options.rounds))
        row = "  ".join(f"{times[-1]:{len(name)}.1f}" for name, times in sides.items())
        print(f"{length:>8} {batch_size:>6}  {row}", flush=True)
    options.to.mkdir(parents=True, exist_ok=True)
    plot(options.lengths, sides, options.to / "context_length.png")
    plain, ours, drawn = (jnp.array(times) for times in sides.values())
    print(f"ratio at {length} examples {plain[-1] / ours[-1]:.1f}; second moments drawn {ours[-1] / drawn[-1]:.0f}")
    growth = ours[1:] / ours[:-1]
    print("ours grows by " + ", ".join(f"{factor:.1f}" for factor in growth) + " from each length to the next")


def plot(lengths, sides, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.6))
    axes = figure.subplots()
    for name, times in sides.items():
        axes.loglog(lengths, times, "o-", label=name)
    axes.set(xlabel="number of examples", ylabel="microseconds a prompt and training step")
    axes.legend(loc="upper left", fontsize="small")
    figure.savefig(path, dpi=150, bbox_inches="tight")
    print(f"plot: {path}")


if __name__ == "__main__":
    main()
