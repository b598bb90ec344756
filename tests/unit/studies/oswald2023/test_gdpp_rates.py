"""What the study of the best rates of GD++ reads of losses set by hand, and the closed form it draws."""

import numpy as np
import pytest

from mesascope.studies.oswald2023.gdpp.rates import Fitted, Tuned, TunedRates
from mesascope.studies.oswald2023.gdpp.readings import Summary, bounded_losses, in_words
from mesascope.studies.oswald2023.gdpp.study import GDPlusPlusStudy, families_of
from mesascope.tasks.linear_regression import LinearRegression

LOSSES = {"GD": (8.0, 4.0), "GD, a rate per step": (6.0, 3.0), "GD++": (4.0, 3.0), "GD++, rates per step": (2.0, 1.0)}


def summary(depths=(2, 3)):
    """Two seeds, the second with twice the first's losses; the losses of two and of three steps are those above."""

    def fitted(family, depth):
        loss = LOSSES[family][depth - 2]
        return Fitted(np.zeros((2, 2, depth)), np.array([loss, loss]), np.array([loss, 2 * loss]))

    found = {of: fitted(*of) for of in families_of(depths)}
    tuned = {("GD++", 2): Tuned(np.zeros((2, 2, 2)), np.array([5.0, 3.0]), np.array([5.0, 6.0]))}
    return Summary(found, tuned)


def test_readings_by_hand():
    """The worst number of steps counts; what is tuned is compared on the tasks of both."""
    study = GDPlusPlusStudy.preset("smoke", depths=(2, 3))
    found, task = study.readings(summary()), LinearRegression(5, 4)
    np.testing.assert_allclose(found["gain"], [0.75, 0.75])
    np.testing.assert_allclose(found["gain-per-step"], [0.5, 0.5])
    np.testing.assert_allclose(found["closed-form"], bounded_losses(task, [3])[0] / np.array([4.0, 8.0]))
    np.testing.assert_allclose(found["GD++, K = 2: |loss at the tuned rates / at theory's rates - 1|"], [0.25, 0.25])
    assert found["held-out loss of GD++, theory, K = 2, 3"] == [6.0, 4.5]
    assert "held-out loss of gradient descent, a rate per step, theory, K = 2, 3" in found


def test_without_three_steps_the_closed_form_is_not_measured():
    assert np.ma.getmaskarray(GDPlusPlusStudy.preset("smoke").readings(summary((2,)))["closed-form"]).all()


def test_closed_form_rates_bound_every_loss():
    """|r(s)| <= 3^-K sqrt(M / s): the loss is at most a^2 / 6 times the mean of 9^-K M / s, and r^2 at most 1."""
    task = LinearRegression(20, 2)  # more examples than inputs: no eigenvalue near zero
    two, four = bounded_losses(task, [2, 4])
    assert four < two / 9
    assert two < 2 * float(task.input_scale) ** 2 / 6


@pytest.mark.parametrize(
    ("family", "words"), [("GD", "gradient descent"), ("GD, a rate per step", "gradient descent, a rate per step")]
)
def test_families_have_names_for_people(family, words):
    assert (in_words(family), in_words("GD++, rates per step")) == (words, "GD++, rates per step")


def test_tuned_rates_are_near_those_of_the_closed_form():
    """One gradient step: both are the exact minimum of the same tasks, up to the error of their expected loss."""
    of_seed = TunedRates("GD", 1, LinearRegression(5, 4), 2000, 0, 1).of_seed(0)
    spread = abs(of_seed.held_out_loss / of_seed.loss - 1)
    assert spread < 5 * 2 / np.sqrt(2000)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"depths": (1,)}, "`depths` must hold a depth of at least 2"), ({"tuned": (("GD", 7),)}, "`tuned` must hold")],
)
def test_settings_that_cannot_be_are_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        GDPlusPlusStudy.preset("smoke", **changes)
