"""Prompts away from those a subject was made for: what an algorithm is asked outside of its distribution."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mesascope.identify.environments import Environment, Material, after_states, environments_of

SCALES = (1 / 3, 1 / 2, 2.0, 3.0)
CONDITION = 100.0
NOISE = 0.5  # of the labels' root mean square


class Shift(NamedTuple):
    """A change of prompts, by name; None from `change` where the material cannot be changed so."""

    name: str
    change: Callable[[Material, np.random.Generator], Material | None]


def shifted(material: Material, lengths: tuple[int, ...], rng: np.random.Generator) -> list[Environment]:
    """An environment for every shift that these prompts allow, and the other lengths; all at the last length."""
    length = lengths[-1]
    changed = [(shift.name, shift.change(material, rng)) for shift in SHIFTS]
    found = [environments_of(each, (length,), name) for name, each in changed if each is not None]
    dim, room = material.inputs.shape[2], material.inputs.shape[1]
    others = {max(dim // 2, 1), dim + 2, 2 * dim, 4 * dim} - {*lengths, dim - 1, dim, dim + 1}
    found += [environments_of(material, (other,), f"N = {other}") for other in sorted(others) if other <= room]
    return [environment for environments in found for environment in environments]


def shifted_sequences(states: np.ndarray, positions: tuple[int, ...], rng: np.random.Generator) -> list[Environment]:
    """Scaled states, noisy ones, and states of which the first third is missing; after the same positions."""
    noisy = states + NOISE / 5 * _size(states) * _normal(rng, states)
    late = states[:, states.shape[1] // 3 :]
    laws = [(f"states x {_short(scale)}", scale * states) for scale in SCALES]
    laws += [("noise on states", noisy)] + ([("from a third on", late)] if late.shape[1] > 2 else [])
    return [
        each
        for name, changed in laws
        for each in after_states(changed.astype(states.dtype), fitting(positions, changed.shape[1]), name)
    ]


def fitting(positions: tuple[int, ...], num_states: int) -> tuple[int, ...]:
    """The positions that a shorter sequence has; its last one where it has none of them."""
    return tuple(t for t in positions if t < num_states) or (num_states - 1,)


def _scaled_inputs(scale: float) -> Shift:
    def change(material: Material, rng: np.random.Generator) -> Material:
        del rng
        return _with_inputs(material, scale * material.inputs, scale * material.queries)

    return Shift(f"inputs x {_short(scale)}", change)


def _scaled_labels(scale: float) -> Shift:
    def change(material: Material, rng: np.random.Generator) -> Material:
        del rng
        return material._replace(labels=scale * material.labels)

    return Shift(f"labels x {_short(scale)}", change)


def _decaying(material: Material, rng: np.random.Generator) -> Material:
    """Coordinate i of a turned basis shrunk to 1 / i, the mean square kept."""
    return _stretched(material, rng, 1 / np.arange(1, material.inputs.shape[2] + 1))


def _ill_conditioned(material: Material, rng: np.random.Generator) -> Material:
    return _stretched(material, rng, np.geomspace(1, CONDITION**-0.5, material.inputs.shape[2]))


def _stretched(material: Material, rng: np.random.Generator, factors: np.ndarray) -> Material:
    dim = material.inputs.shape[2]
    basis = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    stretch = (basis * factors / np.sqrt(np.mean(factors**2))) @ basis.T
    return _with_inputs(material, material.inputs @ stretch, material.queries @ stretch)


def _half_space(material: Material, rng: np.random.Generator) -> Material | None:
    """Examples on one side of a plane, queries as they were."""
    normal = rng.normal(size=material.inputs.shape[2])
    sides = np.where((material.inputs @ normal).real < 0, -1, 1)[..., None]
    return None if material.label is None else _with_inputs(material, sides * material.inputs, material.queries)


def _other_orthant(material: Material, rng: np.random.Generator) -> Material | None:
    """Examples in one orthant, queries in another, which differs in half of the signs (Garg et al. 2022)."""
    if material.label is None or np.iscomplexobj(material.inputs):
        return None
    size, dim = material.inputs.shape[::2]
    signs = rng.choice([-1, 1], (size, 1, dim))
    others = signs * np.where(rng.permuted(np.tile(np.arange(dim), (size, 1)), axis=1) < (dim + 1) // 2, -1, 1)[:, None]
    return _with_inputs(material, signs * np.abs(material.inputs), others * np.abs(material.queries))


def _equal_to_an_example(material: Material, rng: np.random.Generator) -> Material:
    num_queries = material.queries.shape[1]
    chosen = rng.integers(0, max(min(material.inputs.shape[1], 2), 1), (len(material.inputs), num_queries))
    return material._replace(queries=np.take_along_axis(material.inputs, chosen[..., None], axis=1))


def _noisy(material: Material, rng: np.random.Generator) -> Material:
    noise = NOISE * _size(material.labels) * _normal(rng, material.labels)
    return material._replace(labels=(material.labels + noise).astype(material.labels.dtype))


def _with_inputs(material: Material, inputs: np.ndarray, queries: np.ndarray) -> Material:
    """The teachers' labels for other inputs, with the same noise; the labels as they were where nobody teaches."""
    inputs, queries = inputs.astype(material.inputs.dtype), queries.astype(material.queries.dtype)
    labels = material.labels if material.label is None else material.label(inputs) + material.noise
    return material._replace(inputs=inputs, labels=labels, queries=queries)


def _normal(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    drawn = rng.normal(size=like.shape)
    return (drawn + 1j * rng.normal(size=like.shape)) / 2**0.5 if np.iscomplexobj(like) else drawn


def _size(array: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.abs(array) ** 2)))


def _short(scale: float) -> str:
    return {1 / 3: "1/3", 1 / 2: "1/2"}.get(scale, f"{scale:g}")


SHIFTS = (
    *(_scaled_inputs(scale) for scale in SCALES),
    *(_scaled_labels(scale) for scale in SCALES),
    Shift("spectrum 1 / i", _decaying),
    Shift(f"condition {CONDITION:g}", _ill_conditioned),
    Shift("inputs in half the space", _half_space),
    Shift("query in another orthant", _other_orthant),
    Shift("query equal to an example", _equal_to_an_example),
    Shift("noise on labels", _noisy),
)
