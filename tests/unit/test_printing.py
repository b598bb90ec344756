"""How results print: by what they hold."""

import sys
import time

import jax
import numpy as np

import mesascope as ms
from mesascope.probes.alignment import Alignment
from mesascope.study.progress import told
from mesascope.training.fit import Trained


def test_few_numbers_are_printed_and_many_by_their_shape():
    found = Alignment(np.float64(0.12345), np.array([1.0, np.nan]), np.zeros((3, 4)))
    assert repr(found) == (
        "Alignment(prediction_distance=0.1235, sensitivity_cosine=[ 1., nan], sensitivity_distance=f64[3,4](numpy))"
    )


def test_results_print_inside_of_compiled_functions(key):
    prompt, printed = ms.LinearRegression(3, 2).sample(key), []
    jax.jit(lambda prompt: printed.append(repr(ms.alignment(ms.Ridge(), ms.ZeroPredictor(), prompt))))(prompt)
    assert printed == ["Alignment(prediction_distance=f64[], sensitivity_cosine=f64[], sensitivity_distance=f64[])"]


def test_a_training_names_its_model_seeds_and_last_losses():
    def printed(losses):
        return repr(Trained(ms.Ridge(), np.array(losses), None, np.zeros(1, int)))

    assert printed([2.0, 1.0]) == "Trained(Ridge, 2 steps, last training loss 1)"
    assert printed([[2.0, 1.0], [2.0, 0.5]]) == "Trained(Ridge, 2 seeds, 2 steps, last training loss 1, 0.5)"
    assert printed(np.arange(20.0)[:, None]) == "Trained(Ridge, 20 seeds, 1 steps, last training loss 0 to 19)"
    assert printed(np.zeros((2, 0))) == "Trained(Ridge, 2 seeds, 0 steps)"


def test_a_cell_that_takes_its_time_is_told_of_and_a_quick_one_is_not(capsys, monkeypatch):
    progress = sys.modules["mesascope.study.progress"]
    monkeypatch.setattr(progress, "SECONDS_OF_SILENCE", 0.05)
    with told("a quick one"):
        pass
    with told("a slow one") as report:
        time.sleep(0.3)
        report(1, 2, "loss 3")  # too soon after it was named
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.1)
        report(2, 2, "loss 1")
    assert capsys.readouterr().err.splitlines() == ["a slow one", "a slow one: 2/2, loss 1"]
