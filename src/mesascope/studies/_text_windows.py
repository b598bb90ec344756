"""What studies of text share: how long windows and how large states the text can serve."""

from mesascope.validation import check_count

LONGEST, LARGEST = 1024, 50  # tokens of a window, so that hundreds are left; entries of a vector


def check_num_states(num_states: int) -> None:
    """Raise ValueError unless windows of so many tokens have a third state and leave hundreds of windows."""
    check_count("num_states", num_states, minimum=4)
    if num_states > LONGEST:
        raise ValueError(f"`num_states` must be at most {LONGEST}, for hundreds of windows; got {num_states}.")
