"""The `mesascope` command. Nothing heavy is imported before a command needs it."""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesascope.cli.streams import StreamLost, watched_streams
from mesascope.version import __version__

if TYPE_CHECKING:
    from mesascope.cli.parsing import Request

OK, NOT_REPRODUCED, BAD_INPUT, BROKEN_PIPE = 0, 1, 2, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line, by default the process's own; its exit code.

    0: all claims reproduced. 1: some not, or inconclusive. 2: bad input, a directory or a stream that cannot be
    written to, too little memory, no such device, or an extra that is not installed. 141: whoever read the output
    stopped reading. A bug ends the process with 70, a signal with 128 and its number: 130 for Ctrl-C, 143 for SIGTERM,
    129 for SIGHUP.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # The cores are for cells and seeds: numpy's products are small, and a second thread for them would only spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if os.environ.get("NO_COLOR"):
        os.environ.setdefault("PYTHON_TYRO_ANSI_CODES", "False")
    with watched_streams():
        try:
            code = _guarded(words)
            sys.stdout.flush()
            return code
        except StreamLost as lost:
            if lost.errno == errno.EPIPE:
                return BROKEN_PIPE
            with contextlib.suppress(StreamLost):
                print(f"mesascope: {lost}", file=sys.stderr)
            return BAD_INPUT


def _guarded(words: list[str]) -> int:
    from mesascope.cli.errors import InputError, reason

    try:
        return _carry_out(words)
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(f"mesascope: {stop.code}", file=sys.stderr)
            return BAD_INPUT
        return stop.code or OK
    except InputError as error:
        print(f"mesascope: {error}", file=sys.stderr)
        return BAD_INPUT
    except Exception as error:
        told = reason(error)
        if told is None:
            raise
        print(f"mesascope: {told}", file=sys.stderr)
        return BAD_INPUT


def _carry_out(words: list[str]) -> int:
    from mesascope.cli import parsing

    if words in (["--version"], ["-V"]):
        print(f"mesascope {__version__}")
        return OK
    return _answer(parsing.parse(words))


def _answer(request: "Request") -> int:
    from mesascope.cli import arguments, runs_arguments

    match request.command:
        case arguments.ListStudies() | arguments.Show():
            from mesascope.cli import pages

            return pages.answer(request.command)
        case arguments.Run() | arguments.Reproduce():
            from mesascope.cli.running import run

            return run(request)
        case arguments.Sweep():
            from mesascope.cli.sweeping import sweep

            return sweep(request.command)
        case arguments.Identify():
            from mesascope.cli.identifying import identify

            return identify(request.command)
        case arguments.ListCandidates() | arguments.ListTasks():
            from mesascope.cli.listing import answer as listed

            return listed(request.command)
        case arguments.Export():
            from mesascope.cli.exporting import export

            return export(request)
        case runs_arguments.AbstractRuns():
            from mesascope.cli.runs import answer as looked_at

            return looked_at(request.command)
        case arguments.Report():
            from mesascope.cli.reporting import report

            return report(request.command)
        case _:
            from mesascope.cli.completion import completion

            print(completion(request.command.shell))
            return OK
