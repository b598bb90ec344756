"""A grid of trainings: cells a minute as one sweep against one command a point, and two workers against one.

    python benchmarks/sweep.py              # 3 noises x 3 input scales x 2 learning rates, 2 seeds each
    python benchmarks/sweep.py --num-steps 1000

Every side starts with nothing stored and an empty compilation cache. One by one is a `mesascope sweep` of a single
point for every point, as by a loop in a shell; they share a compilation cache, as runs of one user do. In one sweep all
points are in one process, and those of equal shapes share compiled programs. Then two workers compute the same sweep.
Cells a minute are by the clock, whole commands from their start to their end.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
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
    parser.add_argument("--num-steps", type=int, default=300, help="of every training")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    fixed = [f"num_steps={options.num_steps}", f"seeds={options.seeds}"]
    whole = [[*(f"{name}={','.join(values)}" for name, values in GRID.items()), *fixed]]
    points = [
        [*(f"{name}={value}" for name, value in zip(GRID, values, strict=True)), *fixed]
        for values in itertools.product(*GRID.values())
    ]
    alone = timed("one command a point", points)
    together = timed("one sweep, one worker", whole)
    two = timed("one sweep, two workers", whole, workers=2)
    print(f"ratio, one sweep to one command a point: {together / alone:.1f}")
    print(f"ratio, two workers to one: {two / together:.2f}")


if __name__ == "__main__":
    main()
