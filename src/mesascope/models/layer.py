"""What a layer is: an update of tokens, given the context."""

from abc import abstractmethod
from typing import Any, final

import equinox as eqx
from jaxtyping import Array, Bool, Inexact

from mesascope.validation import check_class


class AbstractLayer(eqx.Module):
    """A map from the context tokens and any tokens to the update of the latter, which the Transformer adds to them."""

    @abstractmethod
    def __call__(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None = None
    ) -> Inexact[Array, "m d"]:
        """The update of each token, given the context, of which only what is `seen` counts: all of it, where None."""

    @final
    def update(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None
    ) -> Inexact[Array, "m d"]:
        """The same; a layer of somebody's own that takes no `seen` serves contexts all of which counts."""
        return self(context, tokens) if seen is None else self(context, tokens, seen)

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractLayer, ...]":
        """Tiny instances, for tokens of 3 inputs and 2 outputs, for tests and documentation."""


def check_layers(layers: Any) -> None:
    """Raise ValueError unless these are layers, one or more."""
    check_class("layers", layers, (tuple, list), "Put them in a tuple, one as well: `(layer,)`.")
    if not layers:
        raise ValueError("`layers` must hold at least one layer; got none.")
    for layer in layers:
        check_class("layers", layer, AbstractLayer, "Make each: `LinearSelfAttention.initialise(...)`.")
