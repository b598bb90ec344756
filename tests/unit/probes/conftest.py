"""Learners in plain numpy, as subjects: the oracles of every probe of subjects."""

import numpy as np
import pytest

from mesascope.probes.questions import Questions
from mesascope.subject import AbstractSequenceSubject, AbstractSubject


class Learner(AbstractSubject):
    """Answers by a function of xs, ys and queries."""

    def __init__(self, answer, **fixed):
        self.answer = answer
        for name, value in fixed.items():
            setattr(self, name, value)

    def predictions(self, xs, ys, queries):
        return self.answer(xs, ys, queries)


class Forecaster(AbstractSequenceSubject):
    """Predicts by a function of states."""

    def __init__(self, forecast):
        self.forecast = forecast

    def next_states(self, states):
        return self.forecast(states)


@pytest.fixture(scope="session")
def learner():
    return Learner


@pytest.fixture(scope="session")
def forecaster():
    return Forecaster


@pytest.fixture(scope="session")
def drawn():
    """Questions about linear functions, inputs normal; `drawn(b, n, d, m, dy, is_complex)`."""

    def draw(num, num_examples, dim_x, num_queries=1, dim_y=1, is_complex=False):
        rng = np.random.default_rng(num + num_examples)

        def normals(*shape):
            real = rng.normal(size=shape)
            return (real + 1j * rng.normal(size=shape)) / np.sqrt(2) if is_complex else real

        xs, queries = normals(num, num_examples, dim_x), normals(num, num_queries, dim_x)
        return Questions(xs, xs @ normals(num, dim_x, dim_y), queries)

    return draw


@pytest.fixture(scope="session")
def learners():
    """Answer functions by name; rates and penalties are for inputs of mean square one."""

    def linear(weights):
        return lambda xs, ys, queries: queries @ weights(xs, ys)

    def descent(xs, ys, rate, steps):
        weights = np.zeros((len(xs), xs.shape[2], ys.shape[2]), ys.dtype)
        for _ in range(steps):
            weights = weights + rate * moments(xs, ys - xs @ weights)
        return weights

    def ridge(xs, ys, penalty):
        gram = moments(xs, xs) + penalty * np.eye(xs.shape[2])
        return np.linalg.solve(gram, moments(xs, ys))

    def newton(xs, ys, steps=4):
        second, identity = moments(xs, xs), np.eye(xs.shape[2])
        inverse = second / np.linalg.norm(second @ second, axis=(1, 2), keepdims=True)
        for _ in range(steps):
            inverse = inverse @ (2 * identity - second @ inverse)
        return inverse @ moments(xs, ys)

    def krylov(xs, ys, steps=2):
        """Conjugate gradient for one label: the least error in the energy norm over a Krylov space."""
        second, gradient = moments(xs, xs), moments(xs, ys)
        basis = [gradient]
        for _ in range(steps - 1):
            basis.append(second @ basis[-1])
        space = np.concatenate(basis, axis=2)
        adjoint = np.swapaxes(space, 1, 2)
        return space @ np.linalg.solve(adjoint @ second @ space, adjoint @ gradient)

    def delta_rule(xs, ys, rate):
        weights = np.zeros((len(xs), xs.shape[2], ys.shape[2]), ys.dtype)
        for row in range(xs.shape[1]):
            x, y = xs[:, row, :, None], ys[:, row, None]
            weights = weights + rate * x.conj() * (y - np.swapaxes(x, 1, 2) @ weights)
        return weights

    def lasso(xs, ys, penalty, steps=100):
        """By proximal gradient descent."""
        second, gradient = moments(xs, xs), moments(xs, ys)
        rate, weights = 1 / np.linalg.eigvalsh(second)[:, -1:, None], np.zeros_like(gradient)
        for _ in range(steps):
            weights = weights + rate * (gradient - second @ weights)
            weights = np.sign(weights) * np.maximum(np.abs(weights) - rate * penalty, 0)
        return weights

    def sharper(xs, ys, queries, rate=0.5, curvature=0.2, steps=3):
        """GD++: each step also maps inputs and query by I - curvature S."""
        answer, labels = 0.0, ys
        for _ in range(steps):
            weights = rate * moments(xs, labels)
            answer, labels = answer + queries @ weights, labels - xs @ weights
            shrink = np.eye(xs.shape[2]) - curvature * moments(xs, xs)
            xs, queries = xs @ shrink, queries @ shrink
        return answer

    def squares(xs, queries):
        return ((queries[:, :, None] - xs[:, None]) ** 2).sum(axis=-1)

    def smoother(xs, ys, queries):
        kernel = np.exp(-squares(xs, queries) / 2)
        return kernel @ ys / kernel.sum(axis=2, keepdims=True)

    def nearest(xs, ys, queries):
        return np.take_along_axis(ys, squares(xs, queries).argmin(axis=2)[..., None], axis=1)

    return {
        "one step": linear(lambda xs, ys: descent(xs, ys, 0.5, 1)),
        "five steps": linear(lambda xs, ys: descent(xs, ys, 0.3, 5)),
        "ridge": linear(lambda xs, ys: ridge(xs, ys, 0.1)),
        "least squares": linear(lambda xs, ys: np.linalg.pinv(xs) @ ys),
        "gdpp": sharper,
        "newton": linear(newton),
        "conjugate gradient": linear(krylov),
        "delta rule": linear(lambda xs, ys: delta_rule(xs, ys, 0.1)),
        "lasso": linear(lambda xs, ys: lasso(xs, ys, 0.2)),
        "smoother": smoother,
        "nearest": nearest,
        "mean": lambda xs, ys, queries: np.repeat(ys.mean(axis=1, keepdims=True), queries.shape[1], axis=1),
    }


def moments(first, second):
    """mean_i conj(x_i) y_i^T."""
    return np.swapaxes(first.conj(), 1, 2) @ second / first.shape[1]
