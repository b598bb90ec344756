"""Write into the README what `make identify` prints, down to its ranked table, and its figure into docs/figures.

python docs/write_identification.py
"""

import contextlib
import io
import os
import re
import runpy
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
README, FIGURE = ROOT / "README.md", ROOT / "docs" / "figures" / "identify-one-layer.png"
PRINTED = re.compile(r"(<!-- identified: [^\n]*-->\n```\n).*?(```\n<!-- end of identified -->)", re.DOTALL)


def main() -> None:
    """Run the example in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(ROOT / "examples" / "identify_checkpoint.py"), run_name="__main__")
        shutil.copyfile(Path("runs", "one-layer", "identification.png"), FIGURE)
    shown = printed.getvalue().partition("out of distribution, parameters kept")[0].strip() + "\n"
    README.write_text(PRINTED.sub(lambda found: found[1] + shown + found[2], README.read_text()))
    print(f"wrote {os.path.relpath(README)} and {os.path.relpath(FIGURE)}")


if __name__ == "__main__":
    main()
