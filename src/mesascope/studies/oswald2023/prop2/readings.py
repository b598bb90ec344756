"""The errors that claims on deep features are about."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.prop2.cells import FeatureErrors
from mesascope.study.base import Readings
from mesascope.study.claim import Claim


class Summary(NamedTuple):
    """Errors of every shape in float64, and of those that are looked at in float32."""

    double: tuple[FeatureErrors, ...]
    single: tuple[FeatureErrors, ...]


def readings(summary: Summary, claims: tuple[Claim, ...]) -> Readings:
    """The largest error of each kind over all shapes."""
    double, single = summary
    found = {claim.id: np.max([getattr(each, claim.id) for each in double]) for claim in claims}
    found |= {
        "largest error of equation 13 as printed, without eta/N, by shape": [each.printed.max() for each in double],
        "largest prediction, by shape": [each.printed_size.max() for each in double],
    }
    if not single:
        return found
    largest = np.max([(each.kernel.max(), each.chain.max(), each.softmax.max()) for each in single])
    return found | {"largest error of a prediction in float32": largest}
