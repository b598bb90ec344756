"""What was meant by a name that there is not."""

import difflib
import re
from collections.abc import Iterable
from typing import Any


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """A sentence with the nearest of these names, where one is near; case, underscores, first dashes do not count."""
    plain = {_plain(each): each for each in known}
    nearest = difflib.get_close_matches(_plain(name), plain, n=1)
    return f" Did you mean {plain[nearest[0]]!r}?" if nearest else ""


def _plain(name: Any) -> str:
    return re.sub(r"^-+|_", "", str(name).lower())
