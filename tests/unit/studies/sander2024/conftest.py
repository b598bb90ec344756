"""What tests of studies on text share."""

import numpy as np
import pytest

from mesascope.data.sources import OwnText

LETTERS = tuple("abcdef")


@pytest.fixture
def circle():
    """The alphabet over and over, with a unit vector a letter: s_{t+1} = W s_t without error, once centred."""

    def of_size(num_tokens):
        text = " ".join(LETTERS[i % len(LETTERS)] for i in range(num_tokens))
        return OwnText(text, LETTERS, np.eye(len(LETTERS)))

    return of_size
