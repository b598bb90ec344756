"""How a model is trained."""

import equinox as eqx
import optax
from jaxtyping import Array

from mesascope.training.schedules import AbstractSchedule
from mesascope.validation import check_count, check_non_negative, check_positive, check_shape


class FitConfig(eqx.Module):
    """AdamW on fresh prompts with global-norm clipping, in chunks of `chunk_size` steps.

    The defaults are those of the authors' code for one layer (von Oswald et al. 2023, appendix A.12; where its
    text differs - Adam's b2 = 0.999, clipping at 10 - the code is followed). Between chunks Python sees the
    losses: progress, checkpoints and snapshots of the model happen there. A non-finite loss is kept as it is.
    `learning_rate` is one number, or a schedule with one for each step.
    """

    num_steps: int = eqx.field(static=True, default=5000)
    batch_size: int = eqx.field(static=True, default=2048)
    learning_rate: float | Array | AbstractSchedule = 1e-3
    b1: float = 0.9
    b2: float = 0.98
    weight_decay: float = 0.0
    clip_norm: float | Array = 1e-3
    chunk_size: int = eqx.field(static=True, default=100)

    def __check_init__(self):
        for name in ("num_steps", "batch_size", "chunk_size"):
            check_count(name, getattr(self, name))
        rates = ("clip_norm",) if isinstance(self.learning_rate, AbstractSchedule) else ("learning_rate", "clip_norm")
        for name in rates:
            check_positive(name, getattr(self, name))
        for name in ("b1", "b2", "weight_decay"):
            check_non_negative(name, getattr(self, name))
        for name in (*rates, "b1", "b2", "weight_decay"):
            check_shape(name, getattr(self, name), ())
        if max(self.b1, self.b2) >= 1:
            raise ValueError(f"`b1` and `b2` must be below 1; got {self.b1} and {self.b2}.")

    def optimiser(self) -> optax.GradientTransformation:
        """The gradient transformation these numbers describe."""
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm),
            optax.adamw(self.learning_rate, b1=self.b1, b2=self.b2, weight_decay=self.weight_decay),
        )
