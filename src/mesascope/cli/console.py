"""Where text goes: results to stdout, everything else to stderr."""

import json
from typing import Any

from rich.console import Console


class OutputConsole(Console):
    """A console that leaves a closed pipe to its caller, instead of ending the process with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this from where it caught the BrokenPipeError


def output() -> OutputConsole:
    """The console of results."""
    return OutputConsole(highlight=False)


def messages() -> OutputConsole:
    """The console of progress and messages."""
    return OutputConsole(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, indent=2, ensure_ascii=False))
