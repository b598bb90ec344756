"""The `mesascope` command. Nothing heavy is imported before a command needs it."""

import os
import sys
from collections.abc import Sequence

OK, NOT_REPRODUCED, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default the process's own; its exit code.

    0: all claims reproduced. 1: some are not. 2: bad input, or a directory that cannot be written to. 130: stopped
    from the keyboard. 141: whoever read the output stopped reading.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if os.environ.get("NO_COLOR"):
        os.environ.setdefault("PYTHON_TYRO_ANSI_CODES", "False")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without a symbol shows another, not a traceback
    try:
        code = _answer(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own last flush
        return BROKEN_PIPE


def _answer(words: list[str]) -> int:
    from mesascope.cli.errors import InputError, Interrupted

    try:
        if words[:1] in (["--version"], ["-V"]):
            return _version()
        from mesascope.cli.parsing import parse

        return parse(words or ["--help"]).answer()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else BAD_INPUT
    except InputError as error:
        print(f"mesascope: {error}", file=sys.stderr)
        return BAD_INPUT
    except (Interrupted, KeyboardInterrupt) as stop:
        print(f"mesascope: {stop if isinstance(stop, Interrupted) else 'stopped.'}", file=sys.stderr)
        return INTERRUPTED


def _version() -> int:
    import mesascope

    print(f"mesascope {mesascope.__version__}")
    return OK
