"""What a layer is: an update of tokens, given the context."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Inexact


class AbstractLayer(eqx.Module):
    """A map from the context tokens and any tokens to the update of the latter, which the Transformer adds to them."""

    @abstractmethod
    def __call__(self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"]) -> Inexact[Array, "m d"]:
        """The update of each token, given the context."""

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractLayer, ...]":
        """Tiny instances, for tokens of 3 inputs and 2 outputs, for tests and documentation."""
