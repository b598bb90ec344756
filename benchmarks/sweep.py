"""Grids of trainings: one sweep against one command a point, and two workers against one, in cells a minute.

    python benchmarks/sweep.py
    python benchmarks/sweep.py --num-steps 1000 --long-steps 20000

Every side starts with nothing stored and an empty compilation cache. Cells a minute are by the clock, whole commands
from their start to their end.

Of many short trainings, of two seeds: one command a point is a loop in a shell, whose commands share a compilation
cache as runs of one user do. In one sweep all points are in one process, and those of equal shapes share programs.

Of longer trainings, of one seed: one worker and two. A worker spreads seeds over the cores, so a second one has most to
add where there is one seed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDY = "oswald2023-noise"
GRID = {"input_scale": ("0.4", "0.5", "0.6"), "noise_variances": ("[0,0.1]", "[0,0.25]", "[0,1]")}
SETTINGS = ("depths=[1,2]", "weight_decays=[0]", "num_validation=500")


def sweep(directory: Path, grid: list[str], workers: int) -> None:
    """One command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "XDG_CACHE_HOME": str(directory / "cache")}
    words = ["sweep", STUDY, "--preset", "smoke", "--grid", *grid, *SETTINGS, "--workers", str(workers), "--quiet"]
    command = [sys.executable, "-m", "mesascope", *words, "--runs", str(directory / "runs")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with exit code {done.returncode}:\n{done.stderr}")


def timed(name: str, grids: list[list[str]], workers: int = 1) -> float:
    """Cells a minute of these commands, one after the other."""
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        for grid in grids:
            sweep(Path(directory), grid, workers)
        seconds = time.perf_counter() - started
        number = len(list(Path(directory, "runs").rglob("*.safetensors")))
    print(f"{name:<24} {number:4d} cells {seconds:8.1f} s {60 * number / seconds:8.1f} cells a minute", flush=True)
    return 60 * number / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-steps", type=int, default=300, help="of the short trainings")
    parser.add_argument("--long-steps", type=int, default=10_000, help="of the longer ones")
    parser.add_argument("--only", choices=("programs", "workers"), help="one of the two comparisons")
    options = parser.parse_args()
    axes = [f"{name}={','.join(values)}" for name, values in GRID.items()]
    points = [[f"{name}={value}" for name, value in zip(GRID, each, strict=True)] for each in product(*GRID.values())]
    if options.only != "workers":
        short = [f"num_steps={options.num_steps}", "seeds=2"]
        alone = timed("one command a point", [[*point, *short] for point in points])
        together = timed("one sweep", [[*axes, *short]])
        print(f"ratio, one sweep to one command a point: {together / alone:.2f}\n")
    if options.only != "programs":
        long = [f"num_steps={options.long_steps}", "seeds=1"]
        one = timed("one worker", [[*axes, *long]])
        two = timed("two workers", [[*axes, *long]], workers=2)
        print(f"ratio, two workers to one: {two / one:.2f}")


if __name__ == "__main__":
    main()
