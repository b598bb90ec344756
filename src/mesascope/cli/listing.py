"""`candidates`, `tasks` and `sweep --list`: what there is, a line each."""

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.cli.arguments import ListCandidates, ListTasks
from mesascope.cli.console import output, print_json
from mesascope.cli.task_settings import all_tasks, flags_of, says
from mesascope.identify.candidates import all_candidates
from mesascope.studies import declared_sweeps
from mesascope.sweep.grid import shown


def answer(command: ListCandidates | ListTasks) -> int:
    """Print the list; 0."""
    if isinstance(command, ListCandidates):
        return _print("candidates", _candidates(), command.json)
    return _print("tasks", _tasks(), command.json)


def print_sweeps(json: bool) -> int:
    """Print the declared sweeps; 0."""
    return _print("sweeps", _sweeps(), json)


def _print(name: str, entries: list[dict[str, Any]], json: bool) -> int:
    if json:
        print_json({name: entries})
    else:
        table = Table(box=box.SIMPLE_HEAD)
        for head in entries[0]:
            table.add_column(head.replace("_", " "), no_wrap=head == name[:-1])
        for entry in entries:
            table.add_row(*(Text(value if isinstance(value, str) else ", ".join(value)) for value in entry.values()))
        output().print(table)
    return 0


def _candidates() -> list[dict[str, Any]]:
    families = {name: all_candidates(name) for name in ("prompts", "sequences")}
    both = families["prompts"] | families["sequences"]
    return [
        {
            "candidate": name,
            "algorithm": _in_general(candidate),
            "parameters": _parameters(candidate),
            "for": [family for family, known in families.items() if name in known],
        }
        for name, candidate in sorted(both.items())
    ]


def _in_general(candidate: AnyCandidate) -> str:
    return candidate.says.replace("{num_steps}", "k").replace("(s)", "s")


def _parameters(candidate: AnyCandidate) -> list[str]:
    if not isinstance(candidate, Candidate):
        return ["coefficients"]
    counts = [f"k = {min(candidate.counts)} to {max(candidate.counts)}"] if candidate.counts else []
    return [*(parameter.name for parameter in candidate.parameters), *counts]


def _sweeps() -> list[dict[str, Any]]:
    found = [(name, cls, cls.preset("quick").axes()) for name, cls in declared_sweeps().items()]
    return [
        {
            "sweep": name,
            "question": cls.title,
            "grid": [f"{each}={','.join(map(shown, of))}" for each, of in axes.items()],
        }
        for name, cls, axes in found
    ]


def _tasks() -> list[dict[str, Any]]:
    return [
        {
            "task": name,
            "prompts": says(cls),
            "settings": [f"{each}={default}" for each, _, default in flags_of(cls) or ()],
        }
        for name, cls in all_tasks().items()
    ]
