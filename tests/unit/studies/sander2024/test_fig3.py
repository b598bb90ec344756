"""The layer that is held against the last step taken again, and the identity that heads of pairs use."""

import numpy as np

from mesascope.studies.sander2024._shared.exact_heads import DiagonalHeadsCell, Heads
from mesascope.studies.sander2024.fig3_orthogonal import DoubleAngleCell
from mesascope.studies.sander2024.fig3_unitary import MapCell
from mesascope.study.cell import Workspace
from mesascope.training.exact import Descent


def test_heads_set_by_hand_take_the_last_step_again():
    """C = I and P of ones on its superdiagonal, in one seed; in the other twice as much: a prediction is off by one."""
    training = DiagonalHeadsCell("unitary", 3, (3,), 5, 0.1, Descent(), 1, seeds=2)
    eye, newest = np.eye(3), np.eye(5, k=1)
    arrays = Heads(
        np.stack([eye, eye])[:, None],
        np.stack([eye, 2 * eye])[:, None],
        np.stack([newest, newest])[:, None],
        np.zeros((2, 2, 1)),
        np.arange(2),
    )._asdict()
    found = MapCell(training).compute(Workspace(need=lambda shared: arrays))
    np.testing.assert_allclose(found["largest"], [0, 1], atol=1e-12)


def test_two_rotations_are_two_cosines_of_one():
    assert (DoubleAngleCell(4, 2, 0).compute(Workspace())["error"] < 1e-14).all()
