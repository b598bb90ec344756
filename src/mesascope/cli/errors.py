"""What ends a command early, with a message for the user and no traceback."""

import os
import sys

from mesascope.extras import ExtraError
from mesascope.runs.directory import DirectoryError

_TOO_LARGE = ("RESOURCE_EXHAUSTED", "array is too big", "Maximum allowed size exceeded", "Maximum allowed dimension")


class InputError(Exception):
    """The command cannot be carried out as it was given."""


def reason(error: Exception) -> str | None:
    """What an error tells the user that is the machine's, not a bug of ours; None for any other."""
    if isinstance(error, DirectoryError):
        return str(error)
    if isinstance(error, ExtraError):
        return f"this command {error}."
    first, *_ = str(error).splitlines() or [""]
    if isinstance(error, MemoryError) or any(sign in first for sign in _TOO_LARGE):
        return f"these sizes need more memory than there is ({first}). Choose smaller ones, or fewer seeds."
    if _no_device():
        return f"JAX finds no such device as JAX_PLATFORMS={os.environ['JAX_PLATFORMS']!r} asks for. Set it to 'cpu'."
    return None


def _no_device() -> bool:
    """Whether JAX, loaded by now, cannot start on what it was told to; its own error may not say so."""
    jax = sys.modules.get("jax")
    if jax is None or not os.environ.get("JAX_PLATFORMS"):
        return False
    try:
        return not jax.devices()
    except (RuntimeError, AssertionError):
        return True
