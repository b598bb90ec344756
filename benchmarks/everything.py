"""Every study at preset quick, from nothing: seconds a study, how much of them compiles, cells a minute.

    python benchmarks/everything.py                    # this checkout
    python benchmarks/everything.py --before d2b7176   # a commit first, then this checkout, in one run
    python benchmarks/everything.py --write            # and keep what each cell took, for estimates of the time left

Each side runs `mesascope reproduce` in an empty directory with an empty compilation cache. Seconds of studies are those
of their cells, several of which may have run at once, and of what they share; whole seconds are by the clock.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import safetensors

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "src" / "mesascope" / "studies" / "seconds.json"


class Timed(NamedTuple):
    """A cell of a study, its seconds, and how many of them compiled."""

    study: str
    label: str
    seconds: float
    compile_seconds: float


def reproduce(source: Path, arguments: list[str]) -> tuple[float, list[Timed]]:
    """Run everything from nothing by the code in `source`: seconds by the clock, and every cell's."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "PYTHONPATH": str(source), "XDG_CACHE_HOME": directory}
        runs = Path(directory) / "runs"
        command = [sys.executable, "-m", "mesascope", "reproduce", "--runs", str(runs), "--quiet", *arguments]
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        seconds = time.perf_counter() - started
        if done.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(command)} ended with exit code {done.returncode}.")
        return seconds, [timed(path) for path in sorted(runs.rglob("*.safetensors"))]


def timed(path: Path) -> Timed:
    """How long the cell of a stored result took."""
    with safetensors.safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["mesascope"])
    told = header["provenance"]
    return Timed(header["study"], header["label"], told["seconds"], told["compile_seconds"])


def report(name: str, seconds: float, cells: list[Timed]) -> None:
    """Print one side."""
    by_study = defaultdict(list)
    for cell in cells:
        by_study[cell.study].append(cell)
    print(f"\n{name}\n{'study':<32} {'cells':>6} {'seconds':>8} {'compiling':>10}")
    for study, of in by_study.items():
        total, compiling = sum(cell.seconds for cell in of), sum(cell.compile_seconds for cell in of)
        print(f"{study:<32} {len(of):6d} {total:8.1f} {compiling / total:10.0%}")
    total, compiling = sum(cell.seconds for cell in cells), sum(cell.compile_seconds for cell in cells)
    print(f"{'all':<32} {len(cells):6d} {total:8.1f} {compiling / total:10.0%}")
    print(f"by the clock {seconds:.0f} s, {60 * len(cells) / seconds:.1f} cells a minute")


def keep(cells: list[Timed]) -> None:
    """Write what each cell took, by study and label; of what is shared under one label, the mean."""
    found = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        found[cell.study][cell.label].append(cell.seconds)
    plain = {study: {label: round(sum(s) / len(s), 1) for label, s in of.items()} for study, of in found.items()}
    KEPT.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="COMMIT", help="run this commit first")
    parser.add_argument("--preset", default="quick", choices=("smoke", "quick"))
    parser.add_argument("--paper", default="", metavar="PREFIX", help="only studies whose names begin so")
    parser.add_argument("--write", action="store_true", help=f"keep what cells took in {KEPT.name}")
    options = parser.parse_args()
    arguments = ["--preset", options.preset, "--paper", options.paper]
    if options.before:
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", directory, options.before], check=True)
            try:
                before, cells = reproduce(Path(directory) / "src", arguments)
            finally:
                subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", directory], check=True)
        report(f"before: {options.before}", before, cells)
    after, cells = reproduce(ROOT / "src", arguments)
    report("this checkout", after, cells)
    if options.before:
        print(f"\nratio by the clock: {before / after:.1f}")
    if options.write:
        keep(cells)


if __name__ == "__main__":
    main()
