"""Which algorithm layers of linear attention implement, over label noise, depth and the number of examples."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.study.sweep import AbstractSweep
from mesascope.tasks.gaussian_regression import GaussianRegression
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_positive


class PhaseNoiseDepth(AbstractSweep):
    """**Question.** What do K layers of linear attention implement: gradient descent, GD++ or ridge regression?

    **Setting.** Linear regression y = W x + noise, inputs and weights standard normal, d numbers an input, N examples a
    prompt. K linear attention layers with weights of their own are trained on it for every K, standard deviation of the
    noise, and ratio N/d.

    **What we measure.** Which of the three `identify` names, on fresh prompts of the same task, for every seed.

    **Limits.** One size d, one optimiser, one length of training: a model that is named none may be trained too short.
    """

    title: ClassVar = "Gradient descent, GD++ or ridge: over label noise, depth and the number of examples"
    candidates: ClassVar = ("gradient-descent", "gd-plus-plus", "ridge")
    presets: ClassVar = {
        "smoke": {
            "seeds": 1,
            "num_steps": 40,
            "batch_size": 32,
            "dim_x": 2,
            "num_layers": (1, 2),
            "noise_std": (0.0, 0.5),
            "examples_per_dim": (2.0,),
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 20_000,
            "batch_size": 1024,
            "dim_x": 10,
            "num_layers": (1, 2, 4, 8),
            "noise_std": (0.0, 0.1, 0.25, 0.5, 1.0),
            "examples_per_dim": (0.5, 1.0, 2.0, 4.0),
        },
    }

    seeds: int = 2
    num_steps: int = 3000
    batch_size: int = 256
    learning_rate: float = 2e-3
    dim_x: int = 4
    num_layers: tuple[int, ...] = (1, 2, 4)
    noise_std: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0)
    examples_per_dim: tuple[float, ...] = (1.0, 2.0, 4.0)

    def at(self, settings: Mapping[str, Any]) -> Training[GaussianRegression]:
        check_count("dim_x", self.dim_x)
        check_positive("examples_per_dim", settings["examples_per_dim"])
        num_examples = round(settings["examples_per_dim"] * self.dim_x)
        shape = {"num_layers": settings["num_layers"], "init_scale": 0.5, "token_bound": 10.0}
        return Training(
            partial(Transformer.initialise, self.dim_x, **shape),
            GaussianRegression(num_examples, self.dim_x, noise_std=settings["noise_std"]),
            FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.99, clip_norm=1.0),
            self.seeds,
        )
