"""GD++ measured: its attention layers, its degree as a filter, and its best rates found in two ways."""

from fractions import Fraction
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.probes.error import squared_error
from mesascope.prompt import Prompt
from mesascope.studies._base import Arrays
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory import gdpp as theory
from mesascope.theory.gdpp_optimum import FAMILIES, fit_rates, starting_points
from mesascope.training.tune import tune, tuning_prompts

NOT_OPTIMISED = {"xla_backend_optimization_level": 0}  # for programs that run only once


class Shape(NamedTuple):
    """Sizes of one comparison of layers with the token update; every seed draws its own prompts."""

    dim_x: int
    dim_y: int
    num_examples: int
    num_steps: int
    num_prompts: int
    seeds: int

    def measure(self) -> Arrays:
        """Largest absolute errors in float64, one a seed."""
        with jax.enable_x64(True):
            found = [self._of_seed(seed) for seed in range(self.seeds)]
        return {name: np.array([each[name] for each in found]) for name in found[0]}

    def _of_seed(self, seed: int) -> dict[str, float]:
        sizes = self.num_examples, self.dim_x, self.dim_y
        rising = jnp.linspace(0.05, 0.15, self.num_steps)
        start = jnp.asarray(np.random.default_rng(seed).standard_normal((self.dim_y, self.dim_x)))
        constructions = (
            GDPlusPlusConstruction(1.5, 0.1, self.num_steps, *sizes, start),
            GDPlusPlusConstruction(1.5, 0.1, self.num_steps, *sizes),
            GDPlusPlusConstruction(20 * rising[::-1], rising, self.num_steps, *sizes),
        )
        prompts = _prompts(seed, self.num_prompts, *sizes)
        walked = [jax.tree.map(np.asarray, _walk(construction, prompts)) for construction in constructions]
        from_zero = [
            np.abs(walk["predictions"] - _filtered(construction, prompts))
            for construction, walk in zip(constructions[1:], walked[1:], strict=True)
        ]
        return {
            "stack": max(float(walk["error"]) for walk in walked),
            "filter": max(float(each.max()) for each in from_zero),
            "hessian": _hessian_error(np.asarray(prompts.xs), 0.1),
        }


def _prompts(seed: int, num_prompts: int, num_examples: int, dim_x: int, dim_y: int) -> Prompt:
    """Uniform inputs and normal teachers: drawn here, since compiling a task takes longer than everything else."""
    rng = np.random.default_rng(seed)
    xs = rng.uniform(-0.5, 0.5, (num_prompts, num_examples + 1, dim_x))
    ys = xs @ rng.standard_normal((num_prompts, dim_x, dim_y))
    return jax.vmap(Prompt)(*map(jnp.asarray, (xs[:, 1:], ys[:, 1:], xs[:, 0], ys[:, 0])))


def _walk(construction: GDPlusPlusConstruction, prompts: Prompt) -> dict[str, Array]:
    """The layers' predictions, and their largest distance from the algorithm's, context tokens included."""

    def walk(prompts):
        model, algorithm = construction.build(), construction.emulates()
        contexts, queries = jax.vmap(model.token_trajectory)(prompts)
        predictions = jax.vmap(jax.vmap(model.tokens.read))(queries)
        errors = (
            predictions - jax.vmap(algorithm.trajectory)(prompts),
            contexts - jax.vmap(construction.emulated_context)(prompts),
        )
        return {"predictions": predictions, "error": jnp.maximum(*(jnp.abs(error).max() for error in errors))}

    return jax.jit(walk, compiler_options=NOT_OPTIMISED)(prompts)


def _filtered(construction: GDPlusPlusConstruction, prompts: Prompt) -> Float[np.ndarray, "prompts steps dy"]:
    """sum_i y_i x_i^T q_k(S) x after each step, by the eigenvectors of S."""
    xs, ys, queries = (np.asarray(each) for each in (prompts.xs, prompts.ys, prompts.query))
    spectra, bases = np.linalg.eigh(xs.transpose(0, 2, 1) @ xs)
    read, asked = ys.transpose(0, 2, 1) @ xs @ bases, np.einsum("pij,pi->pj", bases, queries)
    rates, curvatures = (
        np.broadcast_to(np.asarray(each), construction.num_steps)
        for each in (construction.learning_rate, construction.curvature)
    )
    readouts = [
        theory.filters(rates[:k] / construction.num_examples, curvatures[:k], spectra).readout
        for k in range(1, construction.num_steps + 1)
    ]
    return np.einsum("pyi,kpi,pi->pky", read, np.array(readouts), asked)


def _hessian_error(xs: np.ndarray, curvature: float) -> float:
    """How far the eigenvalues of (I - curvature H) H (I - curvature H) are from l (1 - curvature l)^2."""
    hessians = xs.transpose(0, 2, 1) @ xs
    shrink = np.eye(xs.shape[-1]) - curvature * hessians
    found = np.linalg.eigvalsh(shrink @ hessians @ shrink)
    expected = np.sort(theory.effective_eigenvalue(np.linalg.eigvalsh(hessians), curvature), axis=-1)
    return float(np.abs(found - expected).max())


class Degree(NamedTuple):
    """The degree of the filter after 1, ..., num_steps steps."""

    num_steps: int

    def measure(self) -> Arrays:
        """The degrees found, as floats."""
        return {"degree": np.array([float(exact_degree(k)) for k in range(1, self.num_steps + 1)])}


def exact_degree(num_steps: int) -> int:
    """The degree in s of the residual filter, by running the token update in rational numbers.

    One example (t, t) of one input has s = t^2, and r(s) is one minus the answer to the query 1. Newton's divided
    differences through 3^K + 1 points are exact: the highest order that does not vanish is the degree.
    """
    roots = range(1, 3**num_steps + 2)
    values = [_rational_residual(Fraction(root), num_steps) for root in roots]
    nodes = [Fraction(root) ** 2 for root in roots]
    leading = [values[0]]
    for order in range(1, len(nodes)):
        pairs = zip(values, values[1:], nodes, nodes[order:], strict=False)
        values = [(right - left) / (high - low) for left, right, low, high in pairs]
        leading.append(values[0])
    return max(order for order, difference in enumerate(leading) if difference != 0)


def _rational_residual(root: Fraction, num_steps: int) -> Fraction:
    x, y, query, answer = root, root, Fraction(1), Fraction(0)
    for step in range(num_steps):
        change, shrink = Fraction(step + 1, 3) * y * x, 1 - Fraction(1, step + 2) * x * x
        answer += change * query
        x, y, query = shrink * x, y - change * x, shrink * query
    return 1 - answer


class Comparison(NamedTuple):
    """The best rates of one family of algorithms, by the closed form on spectra and by `tune` on prompts."""

    family: str
    num_steps: int
    task: LinearRegression
    num_prompts: int
    first_seed: int
    seeds: int

    def measure(self) -> Arrays:
        """Losses and rates, one a seed, which draws the tasks that both are fitted to and as many held out."""
        with jax.enable_x64(True):
            found = [self._of_seed(self.first_seed + seed) for seed in range(self.seeds)]
        return {name: np.array([each[name] for each in found]) for name in found[0]}

    def _of_seed(self, seed: int) -> Arrays:
        sizes = {"num_prompts": self.num_prompts, "num_held_out": self.num_prompts}
        drawn = tuning_prompts(self.task, jax.random.key(seed), **sizes)
        spectra, held_out = (_spectra(prompts) for prompts in drawn)
        fit = fit_rates(self.family, self.num_steps, spectra, held_out)
        start = self.algorithm(starting_points(self.family, self.num_steps, spectra)[0])
        tuned = tune(start, self.task, key=jax.random.key(seed), **sizes)
        rates = self.rates(tuned.algorithm)
        errors = np.asarray(_errors(tuned.algorithm, drawn[1])) - self.losses(rates, held_out)
        theirs = self.losses((fit.rates, fit.curvatures), spectra).mean()
        return {
            "fitted_rates": np.array([fit.rates, fit.curvatures]),
            "fitted_loss": self.losses((fit.rates, fit.curvatures), held_out).mean(),
            "tuned_rates": np.array(rates),
            "tuned_loss": np.asarray(tuned.held_out_loss),
            "excess": self.losses(rates, spectra).mean() / theirs - 1,
            "deviation": errors.mean() / errors.std(ddof=1) * np.sqrt(len(errors)),
        }

    def algorithm(self, free: np.ndarray) -> GradientDescent | GDPlusPlus:
        """The algorithm of a family's free numbers: rates, then curvatures, one each where shared."""
        has_curvature = FAMILIES[self.family][1] is not None
        rates, *curvatures = (jnp.asarray(part) for part in np.split(free, 2 if has_curvature else 1))
        rates = rates * self.task.num_examples
        if "per step" not in self.family:
            rates, curvatures = rates[0], [each[0] for each in curvatures]
        if has_curvature:
            return GDPlusPlus(rates, curvatures[0], self.num_steps)
        return GradientDescent(rates, self.num_steps)

    def rates(self, algorithm: GradientDescent | GDPlusPlus) -> tuple[np.ndarray, np.ndarray]:
        """Its rates and curvatures, one a step, in the units of the theory."""
        curvature = algorithm.curvature if isinstance(algorithm, GDPlusPlus) else 0.0
        rate = np.asarray(algorithm.learning_rate) / self.task.num_examples
        return np.broadcast_to(rate, self.num_steps), np.broadcast_to(np.asarray(curvature), self.num_steps)

    def losses(self, rates: tuple[np.ndarray, np.ndarray], spectra: np.ndarray) -> np.ndarray:
        """The expected loss of each task, given its spectrum."""
        errors = theory.squared_error(*rates, 0.0, spectra).sum(axis=1)
        return float(self.task.input_scale) ** 2 / 6 * self.task.dim_y * errors


@eqx.filter_jit
def _errors(algorithm, prompts: Prompt) -> Float[Array, " prompts"]:
    return jax.vmap(lambda prompt: squared_error(algorithm, prompt))(prompts)


def _spectra(prompts: Prompt) -> np.ndarray:
    xs = np.asarray(prompts.xs)
    return np.maximum(np.linalg.eigvalsh(xs.transpose(0, 2, 1) @ xs), 0.0)
