"""What models of several depths reached, in numbers and in words."""

from typing import NamedTuple

import numpy as np

from mesascope.study.base import Arrays


class Reached(NamedTuple):
    """On one process, losses [seeds, layers, states] of each depth and of the layer without normalisation; rivals'."""

    depths: np.ndarray
    models: tuple[np.ndarray, ...]
    linear: np.ndarray
    rivals: Arrays

    @classmethod
    def of(cls, depths: tuple[int, ...], rivals: Arrays, scaled: Arrays, measured: Arrays) -> "Reached":
        *models, linear = (measured[f"loss_{i}"] for i in range(len(depths) + 1))
        return cls(np.array(depths), tuple(models), linear, {**rivals, **scaled})

    def by_depth(self) -> np.ndarray:
        """Losses [seeds, depths] of the whole models, the mean over states."""
        return np.stack([of_depth[:, -1].mean(axis=-1) for of_depth in self.models], axis=1)

    def not_normalised(self) -> np.ndarray:
        """Losses [seeds] of the layer without normalisation, the mean over states."""
        return self.linear[:, -1].mean(axis=-1)

    def by_steps(self, name: str = "loss") -> np.ndarray:
        """Losses of 1, 2, ... steps of gradient descent, the mean over states."""
        return self.rivals[name].mean(axis=1)

    def over_steps(self, name: str = "loss") -> np.ndarray:
        """Losses [seeds, depths] of L layers over those of L steps."""
        return self.by_depth() / self.by_steps(name)[self.depths - 1]

    def read(self) -> np.ndarray:
        """Losses [seeds, layers] read after each layer of the deepest, the mean over states."""
        return self.models[-1].mean(axis=-1)


class Summary(NamedTuple):
    """What was reached where the first state is always the same, and where it is any."""

    one_start: Reached
    any_start: Reached


def readings(summary: Summary, dim: int) -> dict[str, np.ndarray]:
    """The numbers that claims are about, one a seed."""
    here, anywhere = summary
    ends, read, deepest = here.by_depth(), here.read(), here.models[-1][:, -1]
    return {
        "linear": np.abs(here.not_normalised() / here.by_steps()[0] - 1),
        "linear-any": np.abs(anywhere.not_normalised() / anywhere.by_steps()[0] - 1),
        "steps": here.over_steps().max(axis=1),
        "steps-each": here.over_steps("each_loss").max(axis=1),
        "steps-any": anywhere.over_steps().max(axis=1),
        "each-any": anywhere.over_steps("each_loss").max(axis=1),
        "least-squares": ends.min(axis=1) / here.rivals["least_squares"].mean() - 1,
        "deeper": (ends[:, 1:] / ends[:, :-1]).max(axis=1, initial=0.0),
        "readout": (read[:, 1:] / read[:, :-1]).max(axis=1, initial=0.0),
        "readout-steps": (read / here.by_steps()[: read.shape[1]]).max(axis=1),
        "length": deepest[:, -1] / deepest[:, dim],
    }


def remarks(summary: Summary) -> tuple[str, ...]:
    """All losses."""
    here, anywhere = summary
    by_seed = (f"seed {i}: {_row(row)}" for i, row in enumerate(here.read()))
    ratios = f"{_row(here.over_steps().max(axis=0))}; {_row(here.over_steps('each_loss').max(axis=0))}"
    return (
        *_of_process("Always the same first state", here),
        *_of_process("Any first state", anywhere),
        f"Same first state, the worst seed's loss of each depth over that of as many steps: {ratios} where each step "
        "has a coefficient of its own.",
        f"Read after each layer of the deepest, {'; '.join(by_seed)}.",
    )


def _of_process(name: str, reached: Reached) -> tuple[str, str]:
    depths = {f"depth {depth}": losses for depth, losses in zip(reached.depths, reached.by_depth().T, strict=True)}
    losses = {**depths, "depth 1, not normalised": reached.not_normalised()}
    rivals = reached.rivals
    return (
        f"{name}, losses by seed, {'; '.join(f'{kind}: {_row(each)}' for kind, each in losses.items())}.",
        f"{name}, best gradient descent by its number of steps: {_row(reached.by_steps())}, with coefficients "
        f"{_short(rivals['coefficient'])}; with a coefficient for each step {_row(reached.by_steps('each_loss'))}, "
        f"those of the last {_short(rivals['each'][-1])}; least squares {rivals['least_squares'].mean():.4f}; one step "
        f"whose answers all have the length {rivals['length']:.3g}, {rivals['scaled'].mean():.4f}.",
    )


def _row(losses: np.ndarray) -> str:
    return ", ".join(f"{loss:.4f}" for loss in losses)


def _short(coefficients: np.ndarray) -> str:
    return ", ".join(f"{c:.3g}" for c in coefficients)
