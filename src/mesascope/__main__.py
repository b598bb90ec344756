"""`python -m mesascope`, and the `mesascope` command."""

import sys

from mesascope import stopping
from mesascope.cli import stopped

BUG = 70  # not 1, which says that a claim was not reproduced


def main() -> int:
    """The command line's exit code; an error that it does not know is a bug of ours, shown in full.

    A signal that stops the process ends it with a sentence, see `stopping`; where the package finds itself imported
    for this command, from its first line on.
    """
    stopped.begin()
    from mesascope.cli import main as command_line

    try:
        return command_line()
    except Exception:
        import traceback

        traceback.print_exc()
        return BUG
    finally:
        stopping.ignore(*stopping.STOPS)  # all is done: the interpreter's own end would answer with a traceback


if __name__ == "__main__":
    sys.exit(main())
