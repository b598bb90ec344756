"""The numbers that the claims about task diversity are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.raventos2023.diversity.cells import PoolDistances
from mesascope.study.base import Readings

OWN, FRESH = 0, 1  # the laws, in the order in which a cell measures them
LAWS = ("its own tasks", "fresh tasks")


class Summary(NamedTuple):
    """What was measured of every pool, the smallest first: axes [pools laws seeds], or [pools laws] of the rivals."""

    sizes: tuple[int, ...]
    found: PoolDistances


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and distances and losses of every pool."""
    found = summary.found
    towards_ridge = found.to_pool / found.to_ridge
    return {
        "few": towards_ridge[0, OWN],
        "few-fresh": towards_ridge[0, FRESH],
        "many": 1 / towards_ridge[-1, OWN],
        "many-fresh": 1 / towards_ridge[-1, FRESH],
        "better": found.loss[-1, FRESH] / found.pool_loss[-1, FRESH],
        "crossover": np.log(towards_ridge[1:, OWN] / towards_ridge[:-1, OWN]).min(axis=0),
        **_of_pools(summary),
    }


def _of_pools(summary: Summary) -> Readings:
    found, numbers = summary.found, {}
    for i, size in enumerate(summary.sizes):
        for law, name in enumerate(LAWS):
            at = f"M = {size}, {name}"
            numbers |= {
                f"distance to the pool posterior, {at}": found.to_pool[i, law],
                f"distance to ridge, {at}": found.to_ridge[i, law],
                f"distance of the rivals, {at}": found.apart[i, law],
                f"loss, {at}": found.loss[i, law],
                f"loss of the pool posterior, {at}": found.pool_loss[i, law],
                f"loss of ridge, {at}": found.ridge_loss[i, law],
            }
    return numbers
