"""What was meant by a name that there is not."""

import difflib
from collections.abc import Collection
from typing import Any


def did_you_mean(name: Any, known: Collection[str]) -> str:
    """A sentence with the nearest of these names, where there is one, however its letters and underscores are."""
    plain = {each.lower().replace("_", ""): each for each in known}
    nearest = difflib.get_close_matches(str(name).lower().replace("_", ""), plain, n=1)
    return f" Did you mean {plain[nearest[0]]!r}?" if nearest else ""
