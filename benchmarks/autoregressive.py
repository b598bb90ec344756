"""Training steps of the general model of sequences: ours against plain implementations (see plain_sequences.py).

Three parts, d = 5, T = 50, each side measured in turn, milliseconds a step and seed:
- two layers on augmented tokens (figure 5 of Sander et al. 2024), against JAX and, where it is installed, PyTorch;
- one layer of 64 heads with weights of positions (figure 7), time and peak memory, each side in a process of its own;
- forward and backward of one layer on longer sequences; writes sequence_length.png to --to.
"""

import argparse
import importlib.util
import itertools
import re
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import plain_sequences as plain

import mesascope as ms
from mesascope.models.position_weights import SoftmaxWeights
from mesascope.models.sequence_tokens import RepeatedTokens
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.streams import UpdatesOnly
from mesascope.prompt import Sequence
from mesascope.tasks.haar import HaarProcess
from mesascope.training.runtime import set_up_runtime

PROCESS = HaarProcess(50, 5)
AUGMENTED = {"augmented": True, "residual": True}
REPEATED = {"augmented": False, "residual": False}
LONGEST_PLAIN = 2048  # states; its scores take 64 MB for four sequences


def two_layers(key):
    return SequenceTransformer.initialise(5, num_layers=2, key=key)


def many_heads(key, num_heads=64):
    positions = SoftmaxWeights(jnp.zeros((PROCESS.num_states, PROCESS.num_states)))
    tokens = RepeatedTokens(2)
    return SequenceTransformer.initialise(
        5, tokens=tokens, num_heads=num_heads, positions=positions, stream=UpdatesOnly(), key=key
    )


def milliseconds_plain(side, num_steps):
    side.run(1)
    started = time.perf_counter()
    side.run(num_steps)
    return 1e3 * (time.perf_counter() - started) / num_steps


def milliseconds_ours(make_model, batch_size, num_seeds, num_steps):
    """Of a step and seed: the median over chunks of one training."""
    ticks = []
    config = ms.FitConfig(num_steps=4 * num_steps, batch_size=batch_size, chunk_size=num_steps)
    keys = jax.random.split(jax.random.key(0), num_seeds)
    ms.fit_seeds(make_model, PROCESS, config, keys=keys, on_chunk=lambda *_: ticks.append(time.perf_counter()))
    seconds = statistics.median(later - earlier for earlier, later in itertools.pairwise(ticks))
    return 1e3 * seconds / (num_steps * num_seeds)


def sides_of(make_model, batch_size, settings, with_torch=True):
    """The plain implementations that there are."""
    model = make_model(jax.random.key(0))
    states = eqx.filter_jit(lambda key: PROCESS.sample_batch(key, batch_size).states)(jax.random.key(1))
    sides = {"JAX": plain.PlainJax(model, states, **settings)}
    if with_torch and importlib.util.find_spec("torch"):
        sides["PyTorch"] = plain.PlainTorch(model, states, **settings)
    return sides


def compare_two_layers(options):
    sides = sides_of(two_layers, options.batch_size, AUGMENTED)
    times = {name: [] for name in (*sides, "mesascope")}
    for _ in range(options.rounds):
        for name, side in sides.items():
            times[name].append(milliseconds_plain(side, options.steps))
        times["mesascope"].append(milliseconds_ours(two_layers, options.batch_size, options.seeds, options.steps))
    print(f"two layers, T = 50, batch {options.batch_size}, {options.seeds} seeds")
    report(times)


def report(times):
    """Each side's median, and the ratio of the best plain one's to ours."""
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, median in medians.items():
        print(f"{name:<10} {median:9.2f} ms a step and seed")
    ours = medians.pop("mesascope")
    print(f"ratio {min(medians.values()) / ours:.1f}", flush=True)


def run_many_heads(side, options):
    """In a process of its own: prints milliseconds a step, and the MB that training takes at most."""
    make_model = partial(many_heads, num_heads=options.heads)
    if side == "mesascope":
        before = peak_megabytes()
        found = milliseconds_ours(make_model, options.batch_size, options.seeds, 2)
    else:
        implementation = sides_of(make_model, options.batch_size, REPEATED, with_torch=False)["JAX"]
        before = peak_megabytes()
        found = milliseconds_plain(implementation, 1)
    print(f"{found} {peak_megabytes() - before}")


def peak_megabytes():
    """The most memory this process has held; getrusage would count the process it came from."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def compare_many_heads(options):
    words = ["--heads", options.heads, "--batch-size", options.batch_size, "--seeds", options.seeds]
    times, memory = {}, {}
    for side in ("JAX", "mesascope"):
        command = [sys.executable, __file__, "--only", side, *map(str, words)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        times[side], memory[side] = ([float(word)] for word in printed.split()[-2:])
    print(f"{options.heads} heads, T = 50, batch {options.batch_size}, {options.seeds} seeds")
    report(times)
    for side, (megabytes,) in memory.items():
        print(f"{side:<10} {megabytes:9.0f} MB at most while it trains")
    print(f"memory {memory['mesascope'][0] / memory['JAX'][0]:.2f} of plain", flush=True)


def compare_lengths(options):
    """Microseconds a state, forward and backward."""
    model = SequenceTransformer.initialise(5, key=jax.random.key(0))
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def ours(params, states):
        return jnp.mean(jax.vmap(lambda each: eqx.combine(params, static).next_states(Sequence(each)))(states) ** 2)

    def theirs(layers, states):
        return jnp.mean(plain.plain_predict(layers, states) ** 2)

    sides = {"mesascope": (ours, params), "plain attention": (theirs, plain.weights_of(model))}
    times = {name: [] for name in sides}
    for length in options.lengths:
        batch = max(4, 8192 // length)
        states = jax.random.normal(jax.random.key(length), (batch, length, 5)) / 5**0.5
        for name, (loss_fn, weights) in sides.items():
            if name == "mesascope" or length <= LONGEST_PLAIN:
                times[name].append(microseconds_a_state(jax.jit(jax.grad(loss_fn)), weights, states, options.rounds))
    options.to.mkdir(parents=True, exist_ok=True)
    plot(options.lengths, times, options.to / "sequence_length.png")
    ours = times["mesascope"]
    print(f"{'states':>8}  microseconds a state: " + ", ".join(times))
    for row in itertools.zip_longest(options.lengths, *times.values()):
        print(f"{row[0]:>8}  " + "  ".join("" if each is None else f"{each:.2f}" for each in row[1:]))
    print(f"a state costs {ours[-1] / ours[0]:.2f} times as much at {options.lengths[-1]} as at {options.lengths[0]}")


def microseconds_a_state(gradient_fn, weights, states, rounds):
    jax.block_until_ready(gradient_fn(weights, states))
    times = []
    for _ in range(max(rounds, 3)):
        started = time.perf_counter()
        jax.block_until_ready(gradient_fn(weights, states))
        times.append(time.perf_counter() - started)
    return 1e6 * statistics.median(times) / (states.shape[0] * states.shape[1])


def plot(lengths, times, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.6))
    axes = figure.subplots()
    for name, each in times.items():
        axes.loglog(lengths[: len(each)], each, "o-", label=name)
    axes.set(xlabel="states in a sequence", ylabel="microseconds a state, forward and backward")
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150, bbox_inches="tight")
    print(f"plot: {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times each side is measured, in turn")
    parser.add_argument("--steps", type=int, default=15, help="steps of a measurement")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--heads", type=int, default=64)
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 128, 256, 512, 1024, 2048, 4096, 8192])
    parser.add_argument("--to", type=Path, default=Path(), help="directory for the plot")
    parser.add_argument("--only", choices=["JAX", "mesascope"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    set_up_runtime()  # before JAX starts, since that fixes its devices
    jax.config.update("jax_enable_compilation_cache", False)  # both sides compile from nothing
    if options.only:
        return run_many_heads(options.only, options)
    compare_two_layers(options)
    compare_many_heads(options)
    compare_lengths(options)


if __name__ == "__main__":
    main()
