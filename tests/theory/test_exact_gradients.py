"""Training on exact losses and training on samples agree: their gradients do, in expectation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.tasks.orthogonal import ConjugatePairProcess
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses

Z = 5  # standard errors, for each entry


@pytest.mark.parametrize(
    ("process", "losses"), [(UnitaryProcess(5, 2), unitary_losses), (ConjugatePairProcess(5, 2), orthogonal_losses)]
)
def test_the_exact_gradient_is_the_mean_of_the_samples(process, losses):
    model = eqx.filter_jit(DiagonalHeads.initialise)(2, 2, 5, std=0.4, key=jax.random.key(0))
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def exact(params):
        heads = eqx.combine(params, static)
        return losses(heads.mixing, heads.positions.weights[:3, :4]).sum()

    def sampled(params, sequence):
        errors = eqx.combine(params, static).next_states(sequence)[1:-1] - sequence.states[2:]
        return jnp.sum(jnp.abs(errors) ** 2)

    def gradients(params):
        sequences = process.sample_batch(jax.random.key(1), 40_000)
        return jax.grad(exact)(params), jax.vmap(jax.grad(sampled), in_axes=(None, 0))(params, sequences)

    by_leaf = (map(np.asarray, jax.tree.leaves(each)) for each in jax.jit(gradients)(params))
    for expected, found in zip(*by_leaf, strict=True):
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
        assert (np.abs(found.mean(axis=0) - expected) <= Z * error + 1e-12).all()
        assert np.abs(expected).max() > 0.1
