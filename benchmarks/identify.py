"""Candidates held against a model: mesascope against scikit-learn, or numpy, in a Python loop over prompts.

Both sides give the distance of the same candidates, with the same grid of parameters, from the same answers to the same
prompts. The plain side is what one writes first: an estimator fitted to each prompt, or a few lines of numpy. Times are
microseconds a candidate with its parameters and prompt, the median of the rounds; a round of mesascope's runs a program
that is compiled already; seconds to compile stand beside it and are inside of the second ratio, "with it".
Under `apart` stands how far the two sides' distances are from each other, relative to 1 and to themselves.
"""

import argparse
import statistics
import time
import warnings

import jax
import numpy as np

import mesascope as ms
from mesascope.identify.candidates import all_candidates
from mesascope.identify.environments import Environment
from mesascope.identify.trial import Trial
from mesascope.probes.distance import prompt_sums, squared_distance

NUM_EXAMPLES, DIM_X, NUM_STEPS = 10, 5, 10


def estimators(name, value):
    """One estimator of scikit-learn."""
    from sklearn.gaussian_process.kernels import RBF
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.neighbors import KNeighborsRegressor

    match name:
        case "ridge":
            return Ridge(value, fit_intercept=False)
        case "least-squares":
            return LinearRegression(fit_intercept=False)
        case "nearest-neighbours":
            return KNeighborsRegressor(value)
        case _:
            return KernelRidge(alpha=0.5, kernel=RBF(value))


def by_estimator(name, value, environment):
    """Answers [1 b m 1]."""
    prompts = zip(environment.xs, environment.ys, environment.queries, strict=True)
    return np.stack([estimators(name, value).fit(x, y[:, 0]).predict(q) for x, y, q in prompts])[None, ..., None]


def by_descent(name, value, environment):
    """Answers [steps b m 1]."""
    found = []
    for x, y, q in zip(environment.xs, environment.ys, environment.queries, strict=True):
        weights, steps = np.zeros((x.shape[1], 1)), []
        for _ in range(NUM_STEPS):
            weights = weights + value / len(x) * x.T @ (y - x @ weights)
            steps.append(q @ weights)
        found.append(steps)
    return np.stack(found, axis=1)


GRID = np.geomspace(0.01, 1.0, 15)
SIDES = {  # plain implementation, parameter, its values
    "ridge": (by_estimator, "penalty", GRID),
    "least-squares": (by_estimator, None, [None]),
    "gradient-descent": (by_descent, "learning_rate", GRID),
    "nearest-neighbours": (by_estimator, "count", [1, 2, 3, 4, 5]),
    "kernel-ridge": (by_estimator, "bandwidth", np.geomspace(1, 10, 15)),
}


def delta(answers, found):
    """The distance after each count."""
    return [float(np.sqrt(squared_distance(prompt_sums(answers, each)).value)) for each in found]


def plain(name, environment, answers):
    """Distances for every value and count."""
    by, _, values = SIDES[name]
    return np.array([delta(answers, by(name, value, environment)) for value in values]).ravel()


def ours(name, trial, environment, answers):
    """The same by mesascope."""
    _, parameter, values = SIDES[name]
    if parameter == "count":
        found = delta(answers, trial.answers({}, environment))
        return np.array([found[trial.counts.index(value)] for value in values])
    fixed = {"penalty": 0.5} if name == "kernel-ridge" else {}
    points = [fixed if parameter is None else {**fixed, parameter: float(value)} for value in values]
    return np.array([delta(answers, trial.answers(point, environment)) for point in points]).ravel()


def timed(function, *arguments):
    started = time.perf_counter()
    found = function(*arguments)
    return time.perf_counter() - started, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times each side is measured, in turn")
    parser.add_argument("--prompts", type=int, default=500)
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)  # mesascope compiles from nothing
    with jax.enable_x64(True), warnings.catch_warnings(action="ignore"):
        compare(options)


def compare(options):
    """Print a line for each candidate."""
    rng = np.random.default_rng(0)
    num = options.prompts
    xs, queries = rng.normal(size=(num, NUM_EXAMPLES, DIM_X)), rng.normal(size=(num, 2, DIM_X))
    ys = xs @ rng.normal(size=(num, DIM_X, 1))
    environment = Environment("prompts", "prompts", xs, ys, queries)
    answers = ms.as_subject(ms.Ridge(0.5)).predictions(xs, ys, queries)
    print(f"{num} prompts, N = {NUM_EXAMPLES}, d = {DIM_X}, 2 queries; microseconds a candidate and prompt")
    heads = ("plain", "mesascope", "ratio", "compiling", "with it", "apart")
    print(f"{'candidate':<20} " + " ".join(f"{head:>10}" for head in heads))
    for name in SIDES:
        trial = Trial(all_candidates("prompts")[name], NUM_EXAMPLES, num)
        first, _ = timed(ours, name, trial, environment, answers)
        pairs = [
            (timed(plain, name, environment, answers), timed(ours, name, trial, environment, answers))
            for _ in range(options.rounds)
        ]
        theirs, mine = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
        (_, expected), (_, found) = pairs[0]
        apart = float(np.max(np.abs(expected - found) / (1 + expected)))
        unit = 1e6 / (num * len(expected))
        row = f"{unit * theirs:10.2f} {unit * mine:10.2f} {theirs / mine:10.1f} {first - mine:8.2f} s"
        print(f"{name:<20} {row} {theirs / first:10.1f} {apart:10.0e}", flush=True)


if __name__ == "__main__":
    main()
