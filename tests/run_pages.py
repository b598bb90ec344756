"""Run what pages of the documentation show: `python tests/run_pages.py PAGE...`, as a reader would, in a fresh folder.

Blocks of Python run in order, a page in one namespace; `$ mesascope ...` in a console block goes to the command line's
own entry. What a page shows as output, right behind a block or a command, must be what is printed; `...` stands for
anything.
"""

import contextlib
import doctest
import io
import itertools
import os
import re
import shlex
import sys
import tempfile
import time
import traceback
from pathlib import Path

BLOCK = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def main(pages: list[str]) -> int:
    failures = [f"{page}: {error}" for page in pages if (error := failure_of(Path(page).resolve()))]
    print("\n".join(failures))
    return len(failures) > 0


def failure_of(page: Path) -> str:
    """What went wrong on a page; nothing if all of it ran and printed what is shown."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        try:
            run_page(page)
        except Exception:
            return traceback.format_exc()
    print(f"{page.name}: {time.perf_counter() - started:.1f} s")
    return ""


def run_page(page: Path) -> None:
    namespace = {"__name__": f"{page.stem}.page"}
    blocks = [*BLOCK.findall(page.read_text()), ("", "")]
    for (language, text), (following, output) in itertools.pairwise(blocks):
        if language == "python":
            printed = printed_by(lambda code=text: exec(compile(code, str(page), "exec"), namespace))
            check(output if following == "text" else "", printed, text)
        elif language == "console":
            run_console(text)


def run_console(text: str) -> None:
    from mesascope.cli import main as mesascope

    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        program, *words = shlex.split(line)
        assert program == "mesascope", f"only `mesascope` is run: {line}"
        codes = []
        printed = printed_by(lambda words=words, codes=codes: codes.append(mesascope(words)))
        assert codes[0] in (0, 1), f"{line}: exit code {codes[0]}"
        check(output, printed, line)


def printed_by(call) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        call()
    return out.getvalue()


def check(shown: str, printed: str, what: str) -> None:
    if shown and not doctest.OutputChecker().check_output(shown, printed, FLAGS):
        raise AssertionError(f"{what}\nshows\n{shown}\nand prints\n{printed}")


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("MESASCOPE_RUNS", None)
    sys.exit(main(sys.argv[1:]))
