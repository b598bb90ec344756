"""`python -m mesascope` is the `mesascope` command."""

import sys

from mesascope.cli import main

if __name__ == "__main__":
    sys.exit(main())
