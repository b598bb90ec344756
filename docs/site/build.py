"""Build these pages into docs/site/_build/html, every one anew: `python docs/site/build.py`. A warning is an error."""

import sys
from pathlib import Path

from sphinx.cmd.build import main

HERE = Path(__file__).parent
STRICTLY = ["--nitpicky", "--fail-on-warning", "--keep-going", "--quiet", "--fresh-env"]

if __name__ == "__main__":
    places = ["-c", HERE, "-d", HERE / "_build" / "doctrees", HERE.parent, HERE / "_build" / "html"]
    sys.exit(main([*STRICTLY, *map(str, places)]))
