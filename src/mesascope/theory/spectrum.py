"""Samples of the spectrum of the scatter matrix of uniform random inputs."""

from collections.abc import Iterator

import numpy as np

_CHUNK_ENTRIES = 2**20  # inputs drawn at a time: 8 MiB


def sample_spectra(num_examples: int, dim_x: int, num_samples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the eigenvalues of S = X^T X for `num_samples` draws of X, in chunks [chunk, dim_x].

    The entries of X [num_examples, dim_x] are iid uniform on [-1, 1]; for [-a, a] multiply by a^2.
    Where num_examples < dim_x the smaller X X^T is decomposed, and S has dim_x - num_examples zeros
    besides. One seed draws the same spectra every time.
    """
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_ENTRIES // (num_examples * dim_x))
    for start in range(0, num_samples, chunk):
        size = min(chunk, num_samples - start)
        xs = rng.uniform(-1.0, 1.0, (size, num_examples, dim_x))
        narrow = xs if dim_x <= num_examples else xs.transpose(0, 2, 1)
        eigenvalues = np.linalg.eigvalsh(narrow.transpose(0, 2, 1) @ narrow)
        yield np.pad(eigenvalues, ((0, 0), (0, dim_x - eigenvalues.shape[1])))
