"""Distances between answers against loops over prompts and positions."""

import math

import numpy as np
import pytest

from mesascope.probes.distance import (
    PromptSums,
    distance,
    position_sums,
    prompt_sums,
    root_share,
    squared_distance,
)

EPS = np.finfo(np.float64).eps


def test_sums_over_prompts_then_the_ratio_then_the_mean_over_positions():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(2, 7, 3, 2)) * np.array([1.0, 10.0, 0.1])[:, None]
    ours, theirs = ours + 1j * theirs, theirs + 1j
    tops, bottoms = np.zeros(3), np.zeros(3)
    for prompt in range(7):
        for row in range(3):
            for column in range(2):
                tops[row] += abs(ours[prompt, row, column] - theirs[prompt, row, column]) ** 2
                bottoms[row] += abs(ours[prompt, row, column]) ** 2
    pooled = squared_distance(prompt_sums(ours, theirs))
    along = squared_distance(position_sums(ours, theirs))
    np.testing.assert_allclose(pooled.by_position, [tops.sum() / bottoms.sum()], rtol=1e3 * EPS)
    np.testing.assert_allclose(along.by_position, tops / bottoms, rtol=1e3 * EPS)
    np.testing.assert_allclose(along.value, np.mean(tops / bottoms), rtol=1e3 * EPS)
    assert not np.isclose(pooled.value, along.value, rtol=0.1)
    rms = np.sqrt((pooled.value + along.value) / 2)
    np.testing.assert_allclose(distance([pooled, along]), rms, rtol=1e3 * EPS)
    np.testing.assert_allclose(root_share(ours - theirs, ours) ** 2, pooled.value, rtol=1e3 * EPS)


def test_answers_that_are_mostly_zero_are_judged_by_their_sum():
    answers = np.zeros((200, 1, 1))
    answers[:40] = 1.0
    answers[0] = 100.0
    found = squared_distance(prompt_sums(answers, 1.1 * answers))
    assert found.top_share > 0.25
    assert not found.by_median.any()
    assert found.value == pytest.approx(0.01)


@pytest.mark.parametrize("heavy", [False, True])
def test_zero_is_at_one_and_the_subject_at_zero_exactly(heavy):
    answers = np.random.default_rng(1).normal(size=(200, 2, 1))
    answers[0] *= 1e3 if heavy else 1.0
    for sums in (prompt_sums, position_sums):
        zero = squared_distance(sums(answers, np.zeros_like(answers)))
        same = squared_distance(sums(answers, answers))
        assert (zero.value, same.value, zero.by_median.all()) == (1.0, 0.0, heavy)


def test_a_few_large_prompts_are_found_and_the_others_judged():
    """Of 300 prompts three hold nearly all, at a hundredth of the others' distance."""
    rng = np.random.default_rng(3)
    answers, gaps = rng.normal(size=(2, 300, 1, 1))
    answers[:3] = 100.0
    found = squared_distance(prompt_sums(answers, answers + gaps))
    np.testing.assert_allclose(found.top_share, 30000 / np.sum(answers**2), rtol=1e3 * EPS)
    np.testing.assert_allclose(found.value, np.median(gaps**2) / np.median(answers**2), rtol=1e3 * EPS)
    few = squared_distance(prompt_sums(answers[:99], (answers + gaps)[:99]))
    assert not few.by_median.any()
    np.testing.assert_allclose(few.value, np.sum(gaps[:99] ** 2) / np.sum(answers[:99] ** 2), rtol=1e3 * EPS)
    for broken in (np.nan, np.inf):
        gaps[10] = broken
        assert squared_distance(prompt_sums(answers, answers + gaps)).value == np.inf


def test_the_rule_looks_at_the_subject_alone():
    """Else a candidate that errs on few prompts would be judged by the others."""
    answers, others = np.ones((300, 1, 1)), np.ones((300, 1, 1))
    others[:3] = 101.0
    found = squared_distance(prompt_sums(answers, others))
    np.testing.assert_allclose(found.value, 100.0, rtol=1e3 * EPS)
    np.testing.assert_allclose(found.top_share, 0.01, rtol=1e3 * EPS)


def test_what_has_no_number_is_infinitely_far_and_a_subject_of_zeros_is_its_own_class():
    answers = np.ones((3, 2, 1))
    for broken in (np.nan, np.inf, 1e200):
        others = answers.copy()
        others[0, 0] = broken
        assert position_sums(answers, others).differences.tolist() == [[np.inf, 0.0], [0.0, 0.0], [0.0, 0.0]]
        assert squared_distance(prompt_sums(answers, others)).value == np.inf
        assert squared_distance(position_sums(answers, others)).by_position.tolist() == [np.inf, 0.0]
        assert root_share(others - answers, answers) == math.inf
        assert root_share(answers, others) == math.inf
    zeros = np.zeros_like(answers)
    assert squared_distance(prompt_sums(zeros, zeros)).value == 0.0
    assert squared_distance(prompt_sums(zeros, answers)).value == np.inf
    with pytest.raises(ValueError, match="`answers` must be finite"):
        prompt_sums(answers * np.nan, answers)
    with pytest.raises(ValueError, match="`environments` must hold one or more"):
        distance([])


@pytest.mark.usefixtures("as_installed")
def test_answers_of_other_shapes_are_refused_and_not_broadcast():
    with pytest.raises(ValueError, match=r"`others` must have shape \(3, 2, 1\); got \(3, 1, 1\)"):
        prompt_sums(np.ones((3, 2, 1)), np.ones((3, 1, 1)))


def test_resampled_prompts_are_measured_all_at_once():
    rng = np.random.default_rng(2)
    answers = rng.standard_t(1, size=(200, 3, 1))  # some of the resamples are heavy, some are not
    sums = position_sums(answers, answers + rng.normal(size=answers.shape))
    rows = rng.integers(200, size=(20, 200))
    found = squared_distance(PromptSums(*(each[rows] for each in sums)))
    alone = [squared_distance(PromptSums(*(each[draw] for each in sums))) for draw in rows]
    np.testing.assert_allclose(found.value, [each.value for each in alone], rtol=1e3 * EPS)
    assert 0 < found.by_median.mean() < 1
