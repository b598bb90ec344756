"""One training step of deep stacks: ours against a plain implementation, in turn, in one process.

Two tied layers and five untied ones, N = d = 10, batch 2048, the same optimiser and loss on both sides (see plain.py).
Each ratio is that of the medians, plain over ours, of milliseconds a step and seed.
"""

import argparse

import jax
from plain import compare

STACKS = {
    "2 tied layers": {"num_layers": 1, "num_repeats": 2},
    "5 untied layers": {"num_layers": 5, "num_repeats": 1},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times each side is measured, in turn")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=2048)
    parser.add_argument("--stacks", nargs="+", choices=STACKS, default=[*STACKS], help="which of them")
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)  # both sides compile from nothing
    for name in options.stacks:
        print(f"{name}, {options.seeds} seeds, batch {options.batch_size}, N = d = 10")
        compare(options, num_steps=120, plain_steps=30, **STACKS[name])


if __name__ == "__main__":
    main()
