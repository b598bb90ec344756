"""What a construction is: weights, the algorithm they emulate, and where that holds."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Inexact

from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor, AbstractSequencePredictor, AbstractStepwise
from mesascope.prompt import Prompt
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess


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


class AbstractSequenceConstruction(eqx.Module):
    """A sequence model with explicit weights, the algorithm it is, and where they agree."""

    @abstractmethod
    def build(self) -> AbstractSequencePredictor:
        """The model."""

    @abstractmethod
    def emulates(self, num_examples: int) -> AbstractPredictor:
        """The algorithm that the model is on prompts of so many examples, one or more."""

    @abstractmethod
    def holds_on(self) -> AbstractProcess:
        """A process on whose sequences they agree."""

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractSequenceConstruction, ...]":
        """Tiny instances for tests and documentation."""
