"""mesascope: which learning algorithm does a sequence model run in its forward pass?

The names below are loaded when first used; that is also when JAX is given one device a core and its cache on disk.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mesascope.version import __version__ as __version__

if TYPE_CHECKING:
    from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
    from mesascope.algorithms.gdpp import GDPlusPlus
    from mesascope.algorithms.gradient_descent import GradientDescent
    from mesascope.algorithms.last_step import TrigonometricRecursion
    from mesascope.algorithms.least_squares import LeastSquares
    from mesascope.algorithms.ridge import Ridge
    from mesascope.algorithms.zero import ZeroPredictor
    from mesascope.constructions.gradient_descent import GradientDescentConstruction
    from mesascope.models.augmented import AugmentedLayer
    from mesascope.models.diagonal_heads import DiagonalHeads
    from mesascope.models.sequence_transformer import SequenceTransformer
    from mesascope.models.transformer import Transformer
    from mesascope.probes.alignment import alignment
    from mesascope.probes.error import squared_error
    from mesascope.probes.interpolation import interpolate
    from mesascope.prompt import Prompt, Sequence
    from mesascope.runs.store import Store
    from mesascope.studies import find_study as study
    from mesascope.studies import study_names
    from mesascope.tasks.corrupted import CorruptedTargets
    from mesascope.tasks.haar import HaarProcess
    from mesascope.tasks.linear_regression import LinearRegression
    from mesascope.tasks.orthogonal import Rotations
    from mesascope.tasks.shifted import Shifted
    from mesascope.tasks.unitary import UnitaryProcess
    from mesascope.training.config import FitConfig
    from mesascope.training.fit import fit, fit_seeds
    from mesascope.training.tune import tune

_HOMES = {
    "AugmentedLayer": "models.augmented",
    "CorruptedTargets": "tasks.corrupted",
    "DescentAlongSequence": "algorithms.along_sequence",
    "DiagonalHeads": "models.diagonal_heads",
    "FitConfig": "training.config",
    "GDPlusPlus": "algorithms.gdpp",
    "GradientDescent": "algorithms.gradient_descent",
    "GradientDescentConstruction": "constructions.gradient_descent",
    "HaarProcess": "tasks.haar",
    "LeastSquares": "algorithms.least_squares",
    "LinearRegression": "tasks.linear_regression",
    "Prompt": "prompt",
    "Ridge": "algorithms.ridge",
    "RidgeAlongSequence": "algorithms.along_sequence",
    "Rotations": "tasks.orthogonal",
    "Sequence": "prompt",
    "SequenceTransformer": "models.sequence_transformer",
    "Shifted": "tasks.shifted",
    "Store": "runs.store",
    "Transformer": "models.transformer",
    "TrigonometricRecursion": "algorithms.last_step",
    "UnitaryProcess": "tasks.unitary",
    "ZeroPredictor": "algorithms.zero",
    "alignment": "probes.alignment",
    "fit": "training.fit",
    "fit_seeds": "training.fit",
    "interpolate": "probes.interpolation",
    "squared_error": "probes.error",
    "study": "studies:find_study",
    "study_names": "studies",
    "tune": "training.tune",
}

__all__ = [  # noqa: RUF022 (the reader's order)
    "LinearRegression", "Shifted", "CorruptedTargets", "HaarProcess", "Rotations", "UnitaryProcess",
    "Prompt", "Sequence", "Transformer", "SequenceTransformer", "AugmentedLayer", "DiagonalHeads",
    "GradientDescent", "GDPlusPlus", "LeastSquares", "Ridge", "ZeroPredictor",
    "DescentAlongSequence", "RidgeAlongSequence", "TrigonometricRecursion",
    "GradientDescentConstruction",
    "FitConfig", "fit", "fit_seeds", "tune",
    "alignment", "interpolate", "squared_error",
    "study", "study_names", "Store",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mesascope' has no attribute {name!r}")
    from mesascope.training.runtime import set_up_runtime

    set_up_runtime()
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"mesascope.{module}"), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
