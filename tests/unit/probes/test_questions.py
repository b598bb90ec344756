"""What a subject is asked, made of prompts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.probes.questions import answers, questions
from mesascope.prompt import Prompt
from mesascope.tasks.linear_regression import LinearRegression


@pytest.fixture
def prompts(key):
    return LinearRegression(4, 3).sample_batch(key, 5)


def test_prompts_become_arrays_of_their_own_precision(prompts):
    asked = questions(jax.tree.map(lambda leaf: leaf.astype("float32"), prompts))
    assert [each.shape for each in asked] == [(5, 4, 3), (5, 4, 1), (5, 1, 3)]
    assert {(type(each), each.dtype.name) for each in asked} == {(np.ndarray, "float32")}
    np.testing.assert_array_equal(questions(prompts).queries[:, 0], prompts.query)
    np.testing.assert_array_equal(questions(prompts, np.ones((5, 2, 3))).queries, np.ones((5, 2, 3)))


def with_lengths(prompts, lengths):
    return Prompt(prompts.xs, prompts.ys, prompts.query, prompts.target, jnp.array(lengths))


@pytest.mark.usefixtures("as_installed")
def test_padding_that_counts_is_refused_and_batches_are_asked_for(prompts):
    assert questions(with_lengths(prompts, [4] * 5)).xs.shape == (5, 4, 3)
    with pytest.raises(ValueError, match="`prompts` must have no padding; got prompts of several lengths"):
        questions(with_lengths(prompts, [4, 4, 4, 4, 2]))
    with pytest.raises(ValueError, match=r"`prompts` must be a batch with one axis; got queries of shape \(3,\)"):
        questions(jax.tree.map(lambda leaf: leaf[0], prompts))
    with pytest.raises(ValueError, match=r"`queries` must have shape \(5, m, 3\); got \(4, 2, 3\)"):
        questions(prompts, np.ones((4, 2, 3)))


def test_answers_of_another_shape_or_kind_are_refused(prompts, learner):
    asked = questions(prompts)
    assert answers(learner(lambda xs, ys, queries: np.float32(ys[:, :1])), asked).dtype == np.float64
    for wrong, got in (
        (lambda xs, ys, queries: ys[:, 0], r"\(5, 1\) of float64"),
        (lambda xs, ys, queries: ys[:, :1] > 0, r"\(5, 1, 1\) of bool"),
    ):
        with pytest.raises(ValueError, match=rf"floating numbers of shape \(5, 1, 1\); got {got}") as caught:
            answers(learner(wrong), asked)
        np.testing.assert_array_equal(caught.value.question["ys"], asked.ys)
