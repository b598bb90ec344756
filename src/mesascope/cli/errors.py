"""What ends a command early, with a message for the user and no traceback."""


class InputError(Exception):
    """The command cannot be carried out as it was given."""
