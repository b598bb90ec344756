"""A signal ends a command at once, whatever it is at: one sentence, an exit code that says which, and nothing lost."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mesascope

FAKE = "fake2099-fig1"
SETTINGS = {
    "PYTHONPATH": str(Path(mesascope.__file__).parents[1]),
    "MESASCOPE_STUDIES": str(Path(__file__).parents[1] / "fake_studies"),
    "MESASCOPE_WORKERS": "1",
}
STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
SECONDS = 2.0  # that a stop may take
AT_THE_START = "mesascope: stopped; whatever was stored before is kept.\n"


@pytest.fixture
def start(tmp_path):
    """Starts a command in an empty directory, in a group of its own; cells that run tell so in `tmp_path / "log"`."""
    started = []

    def start(*words, program=("-m", "mesascope"), **settings):
        environment = {**os.environ, **SETTINGS, "FAKE_LOG": str(tmp_path / "log"), **settings}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, *program, *words]
        started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, start_new_session=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def cells_run(tmp_path):
    log = tmp_path / "log"
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def catches(process, sign):
    """Whether a process has said what a signal does; before, Python itself is starting."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return int(caught, 16) >> (sign - 1) & 1


def stop(process, sign, send=os.kill, times=1):
    """What a process says on stderr when it is stopped, which takes no longer than it may; not which cells began."""
    sent = time.monotonic()
    for _ in range(times):
        send(process.pid, sign)
        time.sleep(0.02)
    out, err = process.communicate(timeout=60)  # whose pipes are closed when the last process of its own is gone
    assert time.monotonic() - sent < SECONDS
    assert out == ""
    return re.sub(r"^.*: started\n", "", err, flags=re.MULTILINE)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(("sign", "code"), STOPS)
def test_a_stop_in_the_first_second_is_one_sentence(start, sign, code, times):
    """While Python imports this and that, where an exception would go astray."""
    for seconds in (0.0, 0.1, 0.3):
        process = start("run", FAKE, "--seconds", "60")
        wait_until(lambda process=process: catches(process, signal.SIGHUP))
        time.sleep(seconds)
        err = stop(process, sign, times=times)
        assert (process.returncode, err) == (code, AT_THE_START)


STOPS_ITSELF = """
import signal, sys
from mesascope.__main__ import main
from mesascope.studies import find_study

cell = type(find_study("fake2099-fig1")().cells()[0].config)
compute = cell.compute

def stop_in_part_2(self, workspace):
    def report(step, *told):
        if (self.part, step) == (2, 5):
            signal.raise_signal(signal.SIGTERM)
        workspace.report(step, *told)
    return compute(self, workspace._replace(report=report))

cell.compute = stop_in_part_2
sys.exit(main())
"""


def test_a_stop_keeps_what_was_done_and_the_same_command_continues(start, cells_run, tmp_path):
    """The signal comes in the middle of the second part, after its checkpoint."""
    stopped = start("run", FAKE, program=("-c", STOPS_ITSELF))
    _, err = stopped.communicate(timeout=60)
    kept = "1 finished cell is kept in runs, and 'part 2' up to the last checkpoint"
    assert stopped.returncode == 143
    assert err.endswith(f"mesascope: stopped; {kept}; the same command continues.\n")
    assert "Traceback" not in err
    (tmp_path / "runs" / FAKE / ".a.safetensors.0123abcd.tmp").touch()  # of a writer that was killed
    continued = start("run", FAKE)
    _, err = continued.communicate(timeout=60)
    assert "part 1: done in 0.0 s (stored)" in err
    assert (continued.returncode, cells_run()) == (0, 3)
    assert {path.suffix for path in (tmp_path / "runs" / FAKE).iterdir() if path.is_file()} == {".safetensors"}


STOPPED_WHILE_IT_WRITES = """
import os, signal
from pathlib import Path
from mesascope.cli import stopped
from mesascope.files import write_atomically
real = os.fsync
os.fsync = lambda handle: signal.raise_signal(signal.SIGINT) or real(handle)
stopped.begin()
write_atomically(Path("written"), b"whole")
write_atomically(Path("not begun"), b"whole")
"""


def test_a_stop_waits_for_what_is_being_written(start, tmp_path):
    process = start(program=("-c", STOPPED_WHILE_IT_WRITES))
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, AT_THE_START)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("written", b"whole")]


COMPILES = """
import sys
import jax, jax.numpy as jnp
from mesascope.cli import stopped
stopped.begin()

def long(x):
    for number in range(3000):
        x = jnp.sin(x @ x) * number
    return x

lowered = jax.jit(long).lower(jnp.ones((3, 3)))
print("compiles", file=sys.stderr, flush=True)
lowered.compile()
"""


@pytest.mark.slow
def test_a_stop_does_not_wait_for_the_compiler(start):
    process = start(program=("-c", COMPILES), JAX_ENABLE_COMPILATION_CACHE="false")
    assert process.stderr.readline() == "compiles\n"
    time.sleep(0.5)
    assert stop(process, signal.SIGINT) == AT_THE_START
    assert process.returncode == 130


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sign", "send", "force", "again"),
    [
        (signal.SIGINT, os.killpg, [], "continues"),  # a terminal's Ctrl-C is for all processes at once
        (signal.SIGTERM, os.kill, ["--force"], "runs finished cells again, as --force says"),
    ],
)
def test_a_stop_ends_all_processes(start, cells_run, tmp_path, sign, send, force, again):
    """Started by the script that is installed, too."""
    script = tmp_path / "mesascope"
    script.write_text(
        "import sys\nfrom mesascope.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    words = ("run", FAKE, "--workers", "2", "--seconds", "60", *force)
    process = start(*words, program=("-m", "mesascope") if force else (script,))
    wait_until(lambda: cells_run() == 2)
    time.sleep(0.3)
    err = stop(process, sign, send)
    kept = "0 finished cells are kept in runs, and 'part 1' and 'part 2' up to the last checkpoint"
    assert (process.returncode, err) == (128 + sign, f"mesascope: stopped; {kept}; the same command {again}.\n")


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(start, cells_run):
    process = start("run", FAKE, "--workers", "2", "--seconds", "60")
    wait_until(lambda: cells_run() == 2)
    assert stop(process, signal.SIGKILL) == ""


IGNORES_HUP = """
import signal, time
from mesascope.cli import stopped
signal.signal(signal.SIGHUP, signal.SIG_IGN)
stopped.begin()
signal.raise_signal(signal.SIGHUP)
time.sleep(0.2)
"""


def test_a_signal_that_was_ignored_stays_so(start):
    """As by nohup."""
    process = start(program=("-c", IGNORES_HUP))
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
