"""An identification that is stopped goes on where it was."""

import json

import jax
import numpy as np
import pytest

from mesascope.identify.identify import identify
from mesascope.identify.stage import Budget
from mesascope.interop.functions import FunctionSubject
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.linear_regression import LinearRegression

TASK = LinearRegression(num_examples=8, dim_x=3)
FEW = Budget(40, 40, 1, 1, 1e6)


class Counting:
    """Ridge regression that knows how often it was asked."""

    def __init__(self, penalty=0.3):
        self.penalty, self.num_calls = penalty, 0

    def __call__(self, xs, ys, query):
        self.num_calls += 1
        return query @ np.linalg.solve(xs.T @ xs + self.penalty * np.eye(3), xs.T @ ys)


def run(model, keep=None, stop_at=None, task=TASK):
    def say(text):
        if stop_at is not None and text.startswith(stop_at):
            raise KeyboardInterrupt

    subject = FunctionSubject(model, batched=False, flat_labels=False, name="ridge")
    return identify(subject, task, ["ridge", "lasso"], key=jax.random.key(0), budget=FEW, say=say, keep=keep)


def test_what_was_asked_and_fitted_is_not_done_again_and_the_result_is_the_same(tmp_path):
    keep = tmp_path / "kept"
    whole = Counting()
    expected = json.dumps(run(whole).to_json())
    with pytest.raises(KeyboardInterrupt):
        run(Counting(), keep, "fitting zero")
    assert {"fit ridge", "fit lasso"} <= {path.name for path in keep.iterdir()}
    again = Counting()
    assert json.dumps(run(again, keep).to_json()) == expected
    asked = 40 * 19  # to fit on, and under 18 laws to judge by
    assert again.num_calls < whole.num_calls - asked + 20
    assert not keep.exists()


def test_another_model_and_a_damaged_file_start_anew(tmp_path):
    keep = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        run(Counting(), keep, "fitting zero")
    found = run(Counting(0.6), keep)
    assert found.parameters["penalty"] == pytest.approx(0.6, rel=1e-3)
    with pytest.raises(KeyboardInterrupt):
        run(Counting(), keep, "fitting zero")
    (keep / "fit ridge").write_bytes(b"nothing")
    assert run(Counting(), keep).parameters["penalty"] == pytest.approx(0.3, rel=1e-3)


def test_a_model_of_sequences_is_asked_once_for_each_law(tmp_path):
    from mesascope.algorithms.along_sequence import RidgeAlongSequence

    process, names = HaarProcess(6, 3), ["ridge-along-sequence", "last-value"]
    expected = identify(RidgeAlongSequence(), process, names, key=jax.random.key(1), budget=FEW)
    asked = []

    def stop(text):
        asked.append(text)
        if text.startswith("fitting last"):
            raise KeyboardInterrupt

    arguments = (RidgeAlongSequence(), process, names)
    with pytest.raises(KeyboardInterrupt):
        identify(*arguments, key=jax.random.key(1), budget=FEW, say=stop, keep=tmp_path / "kept")
    found = identify(*arguments, key=jax.random.key(1), budget=FEW, keep=tmp_path / "kept")
    assert json.dumps(found.to_json()) == json.dumps(expected.to_json())


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert run(Counting(), tmp_path / "file").parameters["penalty"] == pytest.approx(0.3, rel=1e-3)
