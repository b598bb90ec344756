"""Predictions in a file are checked, and answer what was asked and nothing else."""

import numpy as np
import pytest
import safetensors.numpy

from mesascope.arrays import UnusableFile, save_arrays
from mesascope.interop.stored import StoredPredictions, save_predictions
from mesascope.subject import SubjectError

RNG = np.random.default_rng(0)
XS, YS, QUERIES = (RNG.normal(size=(4, *shape)).astype(np.float32) for shape in ((5, 3), (5, 2), (3, 3)))
ANSWERS = RNG.normal(size=(4, 3, 2))
ARRAYS = {"xs": XS, "ys": YS, "queries": QUERIES, "predictions": ANSWERS}


@pytest.mark.parametrize("name", ["answers.safetensors", "answers.npz"])
def test_a_file_is_read_back_bit_for_bit_with_its_metadata(name, tmp_path):
    path, metadata = tmp_path / name, {"name": "gpt", "step": [1, 2.5]}
    save_predictions(path, *ARRAYS.values(), metadata=metadata)
    subject = StoredPredictions.read(path)
    assert (subject.metadata, subject.name) == (metadata, "gpt")
    assert (subject.num_examples, subject.dim_x, subject.dim_y) == (5, 3, 2)
    for found, whole in zip((subject.xs, subject.ys, subject.queries, subject.answers), ARRAYS.values(), strict=True):
        assert found.dtype == whole.dtype
        assert np.array_equal(found, whole)


def test_others_files_are_read_too(tmp_path):
    safetensors.numpy.save_file(ARRAYS, tmp_path / "theirs.safetensors")
    np.savez_compressed(tmp_path / "theirs.npz", **ARRAYS)
    for name in ("theirs.safetensors", "theirs.npz"):
        subject = StoredPredictions.read(tmp_path / name)
        assert np.array_equal(subject.answers, ANSWERS)
        assert (subject.metadata, subject.name) == ({}, "stored predictions")


def test_what_is_stored_is_answered_in_any_order_and_precision():
    subject = StoredPredictions(*ARRAYS.values())
    order, queries = [2, 0, 3, 1], [1, 0]
    found = subject.predictions(XS[order], YS[order], QUERIES[order][:, queries])
    assert np.array_equal(found, ANSWERS[order][:, queries])
    assert np.array_equal(subject.predictions(*(each.astype(float) for each in (XS, YS, QUERIES))), ANSWERS)


def test_a_zero_has_no_sign_and_the_first_of_two_answers_counts():
    zeros = np.zeros((2, 1, 1))
    subject = StoredPredictions(zeros, zeros, zeros, np.array([[[1.0]], [[2.0]]]))
    assert subject.predictions(-zeros[:1], zeros[:1], -zeros[:1]) == 1.0


@pytest.mark.parametrize("change", [
    lambda: (XS, YS, QUERIES + np.float32(1e-3)), lambda: (XS[::-1], YS, QUERIES), lambda: (XS, YS[:, ::-1], QUERIES),
    lambda: (XS[:, :4], YS[:, :4], QUERIES), lambda: (XS, YS, QUERIES.astype(float) * (1 + 1e-12)),
])  # fmt: skip
def test_other_questions_are_refused(change):
    subject = StoredPredictions(*ARRAYS.values(), name="theirs")
    with pytest.raises(
        SubjectError, match=r"`theirs` must be asked what is stored, 12 questions .*query 0 of prompt 0"
    ):
        subject.predictions(*change())


@pytest.mark.parametrize(("changed", "message"), [
    ({"predictions": ANSWERS[:, :2]}, r"stored predictions must be `xs` \[b n dx\].*\(4, 2, 2\)"),
    ({"predictions": ANSWERS[..., 0]}, "stored predictions must be"), ({"queries": QUERIES[:3]}, "predictions must be"),
    ({"xs": XS[..., :2]}, "predictions must be"), ({"ys": YS[:, :4]}, "predictions must be"),
    ({"predictions": np.where(ANSWERS > 0, np.nan, ANSWERS)}, "`predictions` must be finite"),
    ({"xs": XS.astype(int)}, "`xs` must be an array"),
])  # fmt: skip
def test_arrays_that_do_not_belong_together_are_refused_in_memory_and_in_a_file(changed, message, tmp_path):
    arrays = ARRAYS | changed
    with pytest.raises(ValueError, match=message):
        StoredPredictions(*arrays.values())
    with pytest.raises(ValueError, match=message):
        save_predictions(tmp_path / "x.npz", *arrays.values())
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UnusableFile, match=rf"x\.npz cannot be used: it holds no predictions: .*{message}"):
        StoredPredictions.read(tmp_path / "x.npz")


def test_damaged_files_and_others_are_told(tmp_path):
    for name in ("none.npz", "none.safetensors"):
        with pytest.raises(FileNotFoundError):
            StoredPredictions.read(tmp_path / name)
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(UnusableFile, match="is damaged or no"):
            StoredPredictions.read(tmp_path / name)
    np.savez(tmp_path / "few.npz", xs=XS)
    with pytest.raises(UnusableFile, match=r"has no array 'ys'; stored predictions are xs \[b n dx\], ys \[b n dy\]"):
        StoredPredictions.read(tmp_path / "few.npz")
    np.savez(tmp_path / "pickled.npz", **ARRAYS | {"xs": np.array([{}], object)})
    with pytest.raises(UnusableFile, match="is damaged or no file of arrays"):
        StoredPredictions.read(tmp_path / "pickled.npz")
    save_arrays(tmp_path / "other.safetensors", ARRAYS, {"kind": "model"})
    with pytest.raises(UnusableFile, match="holds something else of mesascope's, no predictions"):
        StoredPredictions.read(tmp_path / "other.safetensors")
    path = tmp_path / "answers.safetensors"
    save_predictions(path, *ARRAYS.values())
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UnusableFile, match="was altered after it was written"):
        StoredPredictions.read(path)
