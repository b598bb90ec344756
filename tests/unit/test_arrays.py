"""Arrays come back from a file as they were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from mesascope.arrays import load_arrays, save_arrays

DTYPES = ["?", "i1", "u2", "<i4", ">i4", "u8", "f2", "<f4", ">f4", "f8", "<c8", ">c8", "c16", ">c16"]
LAYOUTS = [
    lambda array: array,
    np.asfortranarray,
    lambda array: array.T,
    lambda array: array[..., ::2],
    lambda array: array[::-1] if array.ndim else array,
    lambda array: np.broadcast_to(array, (2, *array.shape)),
]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(DTYPES), st.sampled_from(LAYOUTS))
def test_every_dtype_order_stride_and_rank_comes_back(tmp_path_factory, data, dtype, layout):
    shape = data.draw(of_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    array = np.asarray(data.draw(of_numpy.arrays(np.dtype(dtype), shape)))
    array = layout(array if array.ndim or layout is not LAYOUTS[3] else array[None])
    path = tmp_path_factory.mktemp("arrays") / "arrays"
    save_arrays(path, {"an array": array, "another": np.array(3, np.float32)}, {"of": "a test"})
    found, header = load_arrays(path)
    assert header == {"of": "a test"}
    assert found.keys() == {"an array", "another"}
    assert found["an array"].dtype == array.dtype.newbyteorder("=")
    assert found["an array"].shape == array.shape
    np.testing.assert_array_equal(found["an array"], array)


@pytest.mark.parametrize(
    ("name", "array", "error"),
    [
        ("a", np.array(["text"]), "must hold numbers"),
        ("a", np.array([None]), "must hold numbers"),
        ("a", np.array(1, np.longdouble), "at most 64 bits"),
        ("a:complex64", np.zeros(2), "ends in a dtype"),
    ],
)
def test_what_would_not_come_back_is_refused(tmp_path, name, array, error):
    with pytest.raises(ValueError, match=error):
        save_arrays(tmp_path / "arrays", {name: array}, {})
    assert list(tmp_path.iterdir()) == []
