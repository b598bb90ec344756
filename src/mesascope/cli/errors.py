"""What ends a command early, with a message for the user and no traceback."""

_TOO_LARGE = ("RESOURCE_EXHAUSTED", "array is too big", "Maximum allowed size exceeded", "Maximum allowed dimension")


class InputError(Exception):
    """The command cannot be carried out as it was given."""


def reason(error: Exception) -> str | None:
    """What an error tells the user that is the machine's, not a bug of ours; None for any other."""
    first, *_ = str(error).splitlines() or [""]
    if isinstance(error, MemoryError) or any(sign in first for sign in _TOO_LARGE):
        return f"these sizes need more memory than there is ({first}). Choose smaller ones, or fewer seeds."
    if "Unable to initialize backend" in first:
        return f"JAX finds no such device ({first}). Set JAX_PLATFORMS=cpu."
    return None
