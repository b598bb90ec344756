"""The measurements of the study, on heads at the flow's limit."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.studies._shared.head_training import TrainedHeads
from mesascope.studies.zhang2023.covariate.cells import PromptLosses, PromptsCell, mean_over
from mesascope.studies.zhang2023.covariate.head import start
from mesascope.studies.zhang2023.covariate.readings import distances
from mesascope.studies.zhang2023.covariate.study import Covariate
from mesascope.study.cell import Workspace
from mesascope.tasks.anisotropic_regression import AnisotropicRegression
from mesascope.theory.preconditioned_step import best_preconditioner, flow_limit, step_loss, zero_loss

VARIANCES, NUM_EXAMPLES = (1.0, 0.5), 4
COVARIANCE, REVERSE = np.diag(VARIANCES), np.diag(VARIANCES[::-1])
STUDY = Covariate(2, NUM_EXAMPLES, (8,), VARIANCES, lengths=(3, 20), num_test=10, num_prompts=6000, num_shifted=6000)
TESTS = STUDY.tests()


def at_limit(num_examples, factor=1.0):
    """Two heads with the limit's weights, those of the second multiplied."""
    limit = flow_limit(COVARIANCE, num_examples)
    key_query, output_value = (np.stack([each, factor * each]) for each in limit)
    return TrainedHeads(np.zeros(1), np.zeros((2, 1)), key_query, -output_value / num_examples)


WORKSPACE = Workspace(need=lambda training: at_limit(training.num_examples)._asdict())


def test_the_start_is_small_of_one_norm_and_sees_inputs_alone():
    head = start(3, 5, 0.2, key=jax.random.key(0))
    for matrix in (head.merged_key_query, head.merged_values):
        assert jnp.linalg.norm(matrix) == pytest.approx(0.2, rel=1e-12)
    assert np.linalg.eigvalsh(head.merged_key_query[:3, :3])[0] > 0
    assert np.count_nonzero(head.merged_key_query) == 9
    np.testing.assert_allclose(head.output_value[0, 3, 3], -0.2 / 5)


def test_distances_are_of_the_limit():
    found = distances(at_limit(NUM_EXAMPLES, 1.1), VARIANCES, NUM_EXAMPLES)
    np.testing.assert_allclose(found, [0, 0.1], rtol=0, atol=1e-12)


def test_scaled_examples_make_a_sum_a_mean():
    prompt = jax.jit(AnisotropicRegression(6, VARIANCES).sample)(jax.random.key(2))
    scaled = mean_over(prompt, jnp.asarray(4 / 6))
    np.testing.assert_allclose(scaled.xs.T @ scaled.ys, 4 * np.mean(prompt.xs * prompt.ys, axis=0)[:, None], rtol=1e-12)
    np.testing.assert_array_equal(scaled.query, prompt.query)


def test_heads_at_the_limit_lose_the_closed_forms():
    """On all lengths and laws, within five standard errors: a loss's deviation is at most four times its mean here."""
    cells = [cell.config for cell in STUDY.cells() if isinstance(cell.config, PromptsCell)]
    lengths, *shifts = (PromptLosses(**each.compute(WORKSPACE)).losses for each in cells)
    bound = 5 * 4 / math.sqrt(STUDY.num_prompts)
    best = best_preconditioner(COVARIANCE, NUM_EXAMPLES)
    for found, length in zip(lengths[0], STUDY.lengths, strict=True):
        assert np.abs(found / step_loss(best, COVARIANCE, length) - 1).max() < bound
        assert TESTS.loss_at(length) == step_loss(best, COVARIANCE, length)
    laws = ((COVARIANCE, COVARIANCE), (COVARIANCE, REVERSE), (REVERSE, REVERSE))
    for law, (found, (examples, query)) in enumerate(zip(shifts, laws, strict=True)):
        for losses, size in zip(found, STUDY.sizes(), strict=True):
            expected = step_loss(best_preconditioner(COVARIANCE, size), examples, STUDY.num_test, query)
            assert np.abs(losses / expected - 1).max() < bound
            assert TESTS.shifted(law, size, STUDY.num_test) == pytest.approx(expected / zero_loss(query), rel=1e-12)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("settings", [{"other_sizes": (8, 3)}, {"lengths": ()}])
def test_sizes_out_of_order_and_no_lengths_are_refused(settings):
    with pytest.raises(ValueError, match="`lengths` must hold a number and `other_sizes` must ascend from 4"):
        Covariate(num_examples=4, **settings)


def test_what_tests_are_is_told():
    assert (TESTS.sizes, TESTS.lengths, TESTS.num_test) == ((4, 8), (3, 20), 10)
