"""Write the verdicts of stored paper-size runs, and their figures, into the documents: no number is typed by hand.

Run the studies first (`mesascope reproduce --preset paper`), then `python docs/write_results.py [RUNS]`.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mesascope.studies import study_names

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
MARKERS = ("<!-- verdicts: written by docs/write_results.py -->", "<!-- end of verdicts -->")


def main(runs: str = "runs") -> None:
    with tempfile.TemporaryDirectory() as exported:
        options = ["--preset", "paper", "--runs", runs, "--to", exported]
        subprocess.run([sys.executable, "-m", "mesascope", "export", *study_names(), *options], check=True)
        table = (Path(exported) / "verdicts.md").read_text()
        figures = DOCS / "figures"
        figures.mkdir(exist_ok=True)
        for picture in Path(exported).glob("*/figures/*.png"):
            shutil.copy(picture, figures / f"{picture.parents[1].name}-{picture.name}")
    before, after = MARKERS
    pattern = re.compile(f"{re.escape(before)}.*?{re.escape(after)}", re.DOTALL)
    README.write_text(pattern.sub(lambda _: f"{before}\n{table}{after}", README.read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:])
