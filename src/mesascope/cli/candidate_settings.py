"""Ranges of candidates' parameters, and their counts, as typed flags: --ridge.penalty 0.01 10."""

import dataclasses
from typing import Annotated, Any

import tyro

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.identify.candidates import all_candidates

Range = tuple[float, float]


def options() -> type:
    """A dataclass that holds, for every candidate with parameters or counts, a dataclass of them."""
    fields = []
    for name, candidate in (all_candidates("sequences") | all_candidates("prompts")).items():
        inner = _options_of(candidate)
        if inner is not None:
            field: Any = dataclasses.field(default_factory=inner, metadata={"name": name})
            fields.append((_attribute(name), Annotated[inner, tyro.conf.arg(name=name)], field))
    return dataclasses.make_dataclass("Ranges", fields, frozen=True, kw_only=True)


def with_ranges(candidate: AnyCandidate, ranges: Any) -> AnyCandidate:
    """The candidate with the ranges and counts that were told; ValueError for a range that is none."""
    told = getattr(ranges, _attribute(candidate.name), None)
    if told is None or not isinstance(candidate, Candidate):
        return candidate
    parameters = tuple(_with_range(candidate.name, each, getattr(told, each.name)) for each in candidate.parameters)
    counts = tuple(getattr(told, "num_steps", ())) or candidate.counts
    if counts and min(counts) < 1:
        raise ValueError(f"`--{candidate.name}.num-steps` must be counts of at least 1; got {min(counts)}.")
    return dataclasses.replace(candidate, parameters=parameters, counts=counts)


def _options_of(candidate: AnyCandidate) -> type | None:
    if not isinstance(candidate, Candidate) or not (candidate.parameters or candidate.counts):
        return None
    fields: list[Any] = [
        (each.name, Annotated[Range | None, tyro.conf.arg(help="Searched between these.", metavar="LOW HIGH")], None)
        for each in candidate.parameters
    ]
    if candidate.counts:
        told = tyro.conf.arg(help="Counts, of steps or of neighbours, that are tried.", metavar="INT...")
        fields.append(("num_steps", Annotated[tuple[int, ...], told], ()))
    return dataclasses.make_dataclass(f"{_attribute(candidate.name)}_options", fields, frozen=True, kw_only=True)


def _with_range(name: str, parameter: Any, told: Range | None) -> Any:
    if told is None:
        return parameter
    low, high = told
    if not low < high or (low <= 0 and not parameter.linear):
        raise ValueError(
            f"`--{name}.{parameter.name.replace('_', '-')}` must be two numbers, the smaller one first and above 0; "
            f"got {low:g} {high:g}."
        )
    return parameter._replace(low=low, high=high, inputs=0, labels=0, num_examples=0)


def _attribute(name: str) -> str:
    return name.replace("-", "_").replace("+", "p")
