"""`python -m mesascope`, and the `mesascope` command."""

import sys
import traceback

BUG = 70  # not 1, which says that a claim was not reproduced


def main() -> int:
    """The command line's exit code; an error that it does not know is a bug of ours, shown in full."""
    from mesascope.cli import main as command_line

    try:
        return command_line()
    except Exception:
        traceback.print_exc()
        return BUG


if __name__ == "__main__":
    sys.exit(main())
