"""The candidates there are: those that the algorithms offer, by name."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

from mesascope.candidate import AnyCandidate, Candidate, LinearCandidate
from mesascope.discovery import concrete_classes
from mesascope.predictor import AbstractForecaster, AbstractPredictor
from mesascope.spelling import did_you_mean

Family = Literal["prompts", "sequences"]


@cache
def all_candidates(family: Family) -> dict[str, AnyCandidate]:
    """Every candidate for prompts of regression, or for sequences, by name; what serves both is in both."""
    import mesascope.algorithms

    found: dict[str, AnyCandidate] = {}
    for cls in concrete_classes(mesascope.algorithms, AbstractPredictor):
        if family == "prompts" and issubclass(cls, AbstractForecaster):
            continue
        for candidate in getattr(cls, "candidates", tuple)():
            if candidate.name in found:
                raise ValueError(f"two candidates must not share a name; got {candidate.name!r} twice. Rename one.")
            found[candidate.name] = candidate
    return found


def chosen(candidates: Iterable[AnyCandidate | str] | None, family: Family) -> tuple[AnyCandidate, ...]:
    """Those that were asked for, by name or made by hand; all of the family where none were."""
    known = all_candidates(family)
    if candidates is None:
        return tuple(known.values())
    if isinstance(candidates, str):
        raise ValueError(f"`candidates` must be a list of names; got the text {candidates!r}. Take [{candidates!r}].")
    found = [_found(each, known) for each in candidates]
    names = [each.name for each in found]
    if not found or len(set(names)) < len(names):
        raise ValueError(f"`candidates` must be one or more, each once; got {names}.")
    return tuple(found)


def _found(candidate: AnyCandidate | str, known: dict[str, AnyCandidate]) -> AnyCandidate:
    if isinstance(candidate, (Candidate, LinearCandidate)):
        return candidate
    if candidate not in known:
        names: Sequence[str] = sorted(known)
        raise ValueError(
            f"a candidate must be one of {', '.join(names)}; got {candidate!r}.{did_you_mean(str(candidate), names)}"
        )
    return known[candidate]
