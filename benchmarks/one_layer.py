"""One training step of one attention layer: ours against a plain implementation, in turn, in one process.

Both train N = d = 10 at batch 2048 with the same optimiser and loss. Plain is what one writes first: JAX's default
keys, attention for all tokens, one jitted update a step from a Python loop, one seed after another. Ours is
`mesascope.fit_seeds`. The last line is the ratio of the medians, plain over ours, of milliseconds a step and seed.
"""

import argparse

import jax
from plain import compare


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times each side is measured, in turn")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=2048)
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)  # both sides compile from nothing
    print(f"one layer, {options.seeds} seeds, batch {options.batch_size}, N = d = 10")
    compare(options, num_steps=600, plain_steps=100)


if __name__ == "__main__":
    main()
