"""The numbers that the instrument is judged by."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mesascope.identify.verdict import Kind
from mesascope.studies.identify.calibration.cells import KINDS, Known, Said
from mesascope.study.base import Readings

BASELINES = ("zero", "constant", "mean-label", "last-label")  # who names one of them names no learner
NAMING = (Kind.IDENTIFIED, Kind.APPROXIMATELY, Kind.TIE)
CLOSE = 0.05
NARROW = 0.2  # width of a profile interval, in the unit of a gap


class Summary(NamedTuple):
    """What was said of every true algorithm, of mixtures, and of networks by their kind; names of all candidates."""

    names: tuple[str, ...]
    said: Mapping[str, Said]
    known: Mapping[str, Known]
    mixtures: Said
    networks: Mapping[str, Said]
    noise: float


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and counts for every candidate and every kind of network."""
    said, known = joined(Said, summary.said), joined(Known, summary.known)
    right, named = rights(summary), known.named * is_kind(said.kind, *NAMING)
    identified = is_kind(said.kind, Kind.IDENTIFIED) == 1
    close, found = _flag(known.gaps, np.abs(known.gaps) <= CLOSE), np.isfinite(known.gaps)
    steps = _flag(known.steps[:, 0], known.steps[:, 0] == known.steps[:, 1])
    networks = summary.networks.values()
    return {
        "named": share(named, known.separable == 1),
        "inversion": share(np.maximum(right, known.idle), identified),
        "untrained": float(sum(names_a_learner(each, summary.names).sum() for each in networks)),
        "mixtures": float(is_kind(summary.mixtures.kind, Kind.IDENTIFIED).sum()),
        "parameters": share(close, found),
        "intervals": share(known.covered, found),
        "distance": _off(said.distance[right == 1], summary.noise),
        "none": share(is_kind(known.kind_without, Kind.NONE), np.isfinite(known.kind_without)),
        "ties": share(said.num_named),
        "cases": float(sum(len(each.kind) for each in [said, summary.mixtures, *networks])),
        "share of members that can be told apart": share(known.separable),
        "share of all members that are named": share(named),
        "share of identified members under their own name": share(right, identified),
        "share of true numbers of steps": share(steps, (right == 1) & np.isfinite(steps)),
        f"share of parameters within 5%, of intervals below {NARROW:g}": share(close, known.widths <= NARROW),
        **_of_true_steps(summary),
        **_of_groups(summary),
        **_of_candidates(summary),
    }


def _of_true_steps(summary: Summary) -> dict[str, Any]:
    """The same, without the members that another number of steps of another rate was found for."""
    gaps, covered = np.zeros(0), np.zeros(0)
    for known in summary.known.values():
        steps = known.steps.reshape(-1, 2)
        true = (steps[:, 0] == steps[:, 1]) | np.isnan(steps).all(axis=1)
        gaps, covered = np.append(gaps, known.gaps[true]), np.append(covered, known.covered[true])
    found = np.isfinite(gaps)
    where = "where the number of steps is true"
    return {
        f"share of parameters within 5%, {where}": share(_flag(gaps, np.abs(gaps) <= CLOSE), found),
        f"share of intervals that hold the parameter, {where}": share(covered, found),
    }


def share(flags: np.ndarray, among: np.ndarray | None = None) -> Any:
    """The mean, of some cases; masked where there is no case."""
    kept = flags if among is None else flags[among]
    return float(kept.mean()) if kept.size else np.ma.masked


def is_kind(kinds: np.ndarray, *wanted: Kind) -> np.ndarray:
    """1 where a verdict is one of these, else 0; nan where it is lost."""
    return _flag(kinds, np.isin(kinds, [KINDS.index(each) for each in wanted]))


def names_a_learner(said: Said, names: tuple[str, ...]) -> np.ndarray:
    """1 where what is identified is no baseline."""
    baselines = [names.index(name) for name in BASELINES]
    return is_kind(said.kind, Kind.IDENTIFIED) * ~np.isin(said.choice, baselines)


def joined(of: type[Any], parts: Mapping[str, Any]) -> Any:
    """The cases of all true algorithms together; of parameters, one number each."""

    def together(name: str) -> np.ndarray:
        shape = (-1, 2) if name == "steps" else (-1,)
        return np.concatenate([np.zeros(0), *(getattr(each, name).ravel() for each in parts.values())]).reshape(shape)

    return of(*map(together, of._fields))


def rights(summary: Summary) -> np.ndarray:
    """1 where the choice is the true algorithm."""
    each = [_flag(said.choice, said.choice == summary.names.index(name)) for name, said in summary.said.items()]
    return np.concatenate([np.zeros(0), *each])


def confusion(summary: Summary) -> np.ndarray:
    """How often each candidate [truths candidates] was the choice."""
    places = np.arange(len(summary.names))
    return np.array([(said.choice[:, None] == places).sum(axis=0) for said in summary.said.values()])


def mistakes(summary: Summary) -> tuple[str, ...]:
    """A line for every true algorithm that some verdict did not name: what was said of those members instead."""
    lines = []
    for name, known in summary.known.items():
        said = summary.said[name]
        missed = np.flatnonzero(known.named * is_kind(said.kind, *NAMING) == 0)
        told = Counter(_in_words(summary.names, said, known, int(i)) for i in missed)
        if told:
            times = "; ".join(f"{each} ({number})" if number > 1 else each for each, number in told.most_common())
            lines.append(f"{name}, {len(missed)} of {len(said.kind)} not named: {times}.")
    return tuple(lines)


def _in_words(names: tuple[str, ...], said: Said, known: Known, i: int) -> str:
    """The verdict on one member."""
    kind, choice = KINDS[int(said.kind[i])], names[int(said.choice[i])]
    if kind in (Kind.NONE, Kind.INCONCLUSIVE):
        return f"{kind.value}, nearest {choice}"
    return choice + (", simpler and as near" if known.idle[i] == 1 else "" if known.separable[i] == 1 else ", near")


def groups(summary: Summary) -> dict[str, np.ndarray]:
    """The kinds of verdicts on members, the same with their class taken away, mixtures, and networks."""
    return {
        "members": joined(Said, summary.said).kind,
        "members, their class removed": joined(Known, summary.known).kind_without,
        "mixtures": summary.mixtures.kind,
        **{name: each.kind for name, each in summary.networks.items()},
    }


def _of_groups(summary: Summary) -> dict[str, Any]:
    return {
        f"{name}: {kind.value}": float(is_kind(kinds, kind).sum())
        for name, kinds in groups(summary).items()
        for kind in KINDS
    }


def _of_candidates(summary: Summary) -> dict[str, Any]:
    """Both ways of the confusion matrix, and how far parameters were off at the median."""
    counts, numbers = confusion(summary), {}
    for row, (name, known) in enumerate(summary.known.items()):
        column = summary.names.index(name)
        gaps = np.abs(known.gaps[np.isfinite(known.gaps)])
        numbers |= {
            f"{name}: share of its members it is chosen for": _part(counts[row], column),
            f"{name}: share that are its members of those it is chosen for": _part(counts[:, column], row),
            f"{name}: median of |log(found / true)|": float(np.median(gaps)) if gaps.size else np.ma.masked,
        }
    return numbers


def _part(counts: np.ndarray, at: int) -> Any:
    return float(counts[at] / counts.sum()) if counts.sum() else np.ma.masked


def _flag(of: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """1 or 0; nan where what the flags are about is lost."""
    return np.where(np.isnan(of), np.nan, flags)


def _off(distances: np.ndarray, noise: float) -> Any:
    """|log| of the median over what was put in."""
    return float(abs(np.log(np.median(distances) / noise))) if distances.size else np.ma.masked
