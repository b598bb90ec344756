"""Where text goes: results to stdout, everything else to stderr."""

import json
from typing import Any

from rich.console import Console


def output() -> Console:
    """The console of results."""
    return Console(highlight=False)


def messages() -> Console:
    """The console of progress and messages."""
    return Console(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, indent=2, ensure_ascii=False))
