"""Orthogonal dynamics from commuting to Haar's, and how the best gradient step's loss changes on the way."""

from collections.abc import Iterable
from typing import Any

from mesascope.study.base import Arrays
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.haar import HaarProcess, TurnedRotations
from mesascope.tasks.initial_state import Ones, Sphere

HAAR = "Haar"
REPORTED = (31, 6)  # states and dimension of the losses by tau with a fixed s_1 that a criterion is from


def laws(num_states: int, dim: int, turnings: Iterable[float]) -> dict[str, AbstractLinearProcess]:
    """Processes with s_1 uniform on the sphere, the least turned first, Haar's last."""
    sizes = (num_states, dim, Sphere())
    return {**_turned(turnings, *sizes), HAAR: HaarProcess(*sizes)}


def fixed_starts(turnings: Iterable[float]) -> dict[str, AbstractLinearProcess]:
    """Processes whose s_1 is fixed, by how far they are turned."""
    return {f"{name}, s_1 fixed": process for name, process in _turned(turnings, *REPORTED, Ones(unit=True)).items()}


def _turned(turnings: Iterable[float], *sizes: Any) -> dict[str, AbstractLinearProcess]:
    return {f"tau = {each:g}": TurnedRotations(*sizes, turning=each) for each in sorted({*turnings})}


def change_of_loss(laws: list[Arrays]) -> float:
    """The largest change of the best step's loss from the first law's to another's, relative to the first."""
    first, *others = (float(of["one"]) for of in laws)
    return max(abs(each / first - 1) for each in others)
