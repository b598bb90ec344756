"""The trainings whose models are asked: those of other studies, field by field, so that each is found where it lies."""

from functools import partial
from typing import Any

from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.softmax_heads import softmax_heads
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.training.config import FitConfig

Settings = dict[str, Any]
Config = tuple[int, int, float]

# size: N and d; config: training steps, prompts or sequences a step, Adam's rate
ONE_LAYER: dict[str, Settings] = {
    "smoke": {"size": (4, 3), "seeds": 2, "config": (100, 32, 1e-3)},
    "quick": {"size": (10, 10), "seeds": 3, "config": (2500, 512, 1e-3)},
    "paper": {"size": (10, 10), "seeds": 5, "config": (5000, 2048, 1e-3)},
}
TWO_TIED: dict[str, Settings] = {
    "smoke": {"size": (3, 3), "seeds": 2, "config": (100, 32, 4e-3)},
    "quick": {"size": (4, 4), "seeds": 4, "config": (2000, 256, 4e-3)},
    "paper": {"size": (10, 10), "seeds": 5, "config": (5000, 2048, 1e-3)},
}
UNTIED: dict[str, Settings] = {
    "smoke": {"num_layers": 2, "size": (3, 3), "seeds": 2, "config": (100, 32, 4e-3)},
    "quick": {"num_layers": 5, "size": (4, 4), "seeds": 2, "config": (700, 256, 4e-3)},
    "paper": {"num_layers": 5, "size": (10, 10), "seeds": 4, "config": (50_000, 2048, 5e-4)},
}
TWO_HEADS: dict[str, Settings] = {
    "smoke": {"size": (4, 2), "init_scale": 0.5, "seeds": 2, "config": (50, 32, 2e-3)},
    "quick": {"size": (10, 10), "init_scale": 0.5, "seeds": 3, "config": (1200, 256, 2e-3)},
    "paper": {"size": (10, 10), "init_scale": 0.002, "seeds": 5, "config": (10_000, 512, 1e-3)},
}
AUGMENTED: dict[str, Settings] = {
    "smoke": {"dim": 2, "num_pairs": 4, "seeds": 2, "config": (20, 32, 2e-3)},
    "quick": {"dim": 3, "num_pairs": 8, "seeds": 3, "config": (1000, 128, 2e-3)},
    "paper": {"dim": 5, "num_pairs": 48, "seeds": 5, "config": (5000, 1024, 1e-3)},
}


def one_layer(preset: str) -> Training[LinearRegression]:
    """Figure 2's layer."""
    return _stack(1, 1, **ONE_LAYER[preset])


def two_tied(preset: str) -> Training[LinearRegression]:
    """Figure 3a's layer, applied twice."""
    return _stack(1, 2, **TWO_TIED[preset])


def untied(preset: str) -> Training[LinearRegression]:
    """Figure 3b's layers, each with weights of its own."""
    return _stack(num_repeats=1, **UNTIED[preset])


def two_heads(preset: str) -> Training[LinearRegression]:
    """Figure 11's two softmax heads."""
    return _heads(**TWO_HEADS[preset])


def augmented(preset: str) -> Training[UnitaryProcess]:
    """The layer on augmented tokens of Sander et al. 2024, proposition 2, trained on samples."""
    return _augmented(**AUGMENTED[preset])


def _stack(
    num_layers: int, num_repeats: int, size: tuple[int, int], seeds: int, config: Config
) -> Training[LinearRegression]:
    sizes: Settings = dict(zip(("num_steps", "batch_size", "learning_rate"), config, strict=True))
    task = LinearRegression(*size, input_scale=0.5)
    return stack_training(num_layers, num_repeats, task=task, seeds=seeds, **sizes)


def _heads(size: tuple[int, int], init_scale: float, seeds: int, config: Config) -> Training[LinearRegression]:
    task = LinearRegression(*size, input_scale=0.5)
    make_model = softmax_heads(task.dim_x, 2, init_scale)
    return Training(make_model, task, FitConfig(*config, clip_norm=10.0), seeds)


def _augmented(dim: int, num_pairs: int, seeds: int, config: Config) -> Training[UnitaryProcess]:
    make_model = partial(DiagonalAugmentedLayer.initialise, dim, std=0.1)
    return Training(make_model, UnitaryProcess(num_pairs + 2, dim), FitConfig(*config, clip_norm=10.0), seeds)
