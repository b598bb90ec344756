"""What is left of diagonal heads in dense ones: the numbers of the claims."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.dense.cells import LAWS, PAIRS, ROTATIONS, UNITARY, Dense
from mesascope.studies.sander2024.dense.haar import HaarLosses
from mesascope.study.base import Readings

ARRIVED = 1e-3  # a loss a position below which a seed counts as arrived


class Summary(NamedTuple):
    """What was trained on dynamics that commute, by the name of their law; and on Haar dynamics."""

    heads: tuple[int, ...]
    dim: int
    trained: dict[str, Dense]
    haar_heads: tuple[int, ...]
    haar: HaarLosses

    def arrived(self, law: str, reading: str, among: np.ndarray) -> np.ma.MaskedArray:
        """A reading [seeds heads] of some numbers of heads; masked where a seed did not arrive, or none was trained."""
        if law not in self.trained:
            return np.ma.masked_all(1)
        of = self.trained[law]
        return np.ma.masked_array(getattr(of, reading), of.losses[:, -1] > ARRIVED)[:, among]

    def least(self, law: str) -> dict[int, float]:
        """The least loss a position of any seed, by number of heads."""
        return dict(zip(self.heads, self.trained[law].losses[:, -1].min(axis=0).tolist(), strict=True))


def readings(summary: Summary) -> Readings:
    """One number over all seeds, or one for each: where W commute, of those that arrived."""
    dim, counts = summary.dim, np.array(summary.heads)
    all_of, spare, half, fewer = counts == dim, counts > dim, 2 * counts == dim, (counts < dim) & (2 * counts > dim)
    least = {law: summary.least(law) for law in summary.trained}
    in_pairs = [of[h] / (dim - 2 * h) for law, of in least.items() if law != UNITARY for h in of if 2 * h < dim]
    away = dict(zip(summary.haar_heads, np.abs(summary.haar.loss / summary.haar.floor - 1), strict=True))
    ends = [of.losses[:, -1][:, all_of] for of in summary.trained.values()]
    return {
        "zero": np.max([np.median(each) for each in ends]),
        "floor": np.max([abs(loss / (dim - h) - 1) for h, loss in least[UNITARY].items() if h < dim]),
        "pairs-floor": np.min(in_pairs) if in_pairs else np.ma.masked,
        "energy": summary.arrived(UNITARY, "energy", all_of),
        "defect": summary.arrived(UNITARY, "defect", all_of),
        "spare": summary.arrived(UNITARY, "defect", spare),
        "visible": summary.arrived(UNITARY, "visible_energy", all_of | spare),
        "visible-pairs": summary.arrived(PAIRS, "visible_energy", all_of | spare),
        "ratio": np.abs(summary.arrived(PAIRS, "ratio", half) + 0.5),
        "ratio-more": np.abs(summary.arrived(PAIRS, "ratio", fewer) + 0.5),
        "basis": np.abs(summary.arrived(ROTATIONS, "ratio", half) + 0.5),
        "basis-more": np.abs(summary.arrived(ROTATIONS, "ratio", fewer) + 0.5),
        "undone": summary.arrived(ROTATIONS, "energy", half | fewer),
        "haar-many": away.get(dim, np.ma.masked),
        "haar-one": away[1],
        **_losses(summary),
    }


def _losses(summary: Summary) -> Readings:
    commuting = {
        f"loss a position, {law}, {heads} heads": summary.trained[law].losses[:, -1, i]
        for law in LAWS
        if law in summary.trained
        for i, heads in enumerate(summary.heads)
    }
    haar = zip(summary.haar_heads, summary.haar.loss, strict=True)
    return {
        **commuting,
        **{f"loss on Haar dynamics, {heads} heads": loss for heads, loss in haar},
        "least loss on Haar dynamics": summary.haar.floor,
    }
