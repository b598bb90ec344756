"""What a construction is: weights, the algorithm they emulate, and where that holds."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Inexact

from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractStepwise
from mesascope.prompt import Prompt
from mesascope.tasks._base import AbstractTask


class AbstractConstruction(eqx.Module):
    """A claim of equality: build() and emulates() agree on every prompt of holds_on(), layer by step."""

    @abstractmethod
    def build(self) -> Transformer:
        """The model with its weights set by hand."""

    @abstractmethod
    def emulates(self) -> AbstractStepwise:
        """The algorithm it equals."""

    @abstractmethod
    def holds_on(self) -> AbstractTask:
        """A task whose prompts it equals it on."""

    @abstractmethod
    def emulated_context(self, prompt: Prompt) -> Inexact[Array, "steps n d"]:
        """The context tokens after each layer, computed from the algorithm and not from the model."""

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractConstruction, ...]":
        """Tiny instances for tests and documentation."""
