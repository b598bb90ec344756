"""`mesascope sweep`: its plan, its table and figure, whatever goes wrong on the way, and the workers of a cluster."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest

import mesascope.studies
from mesascope import extras
from mesascope.arrays import load_arrays
from mesascope.cli import main

FAKES = str(Path(__file__).parents[1] / "fake_studies")
FAKE = "fake2099-fig1"
SOURCE = str(Path(mesascope.__file__).parents[1])


@pytest.fixture
def cli(monkeypatch, tmp_path):
    """`main`, in an empty directory, with the fake study; one cell after the other in this process."""
    monkeypatch.setattr(mesascope.studies, "__path__", [*mesascope.studies.__path__, FAKES])
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.delenv("MESASCOPE_RUNS", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("MESASCOPE_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(["sweep", *words])


@pytest.fixture
def cells_run(tmp_path):
    """How many cells of the fake study have run so far."""
    log = tmp_path / "log"
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


def environment(directory, **others):
    """Of processes that work in a directory as this one does."""
    told = {"PYTHONPATH": SOURCE, "MESASCOPE_STUDIES": FAKES, "JAX_ENABLE_X64": "1", "COLUMNS": "100"}
    return {**os.environ, **told, "FAKE_LOG": str(directory / "log"), "MESASCOPE_WORKERS": "1", **others}


def start(directory, *words, **others):
    command = [sys.executable, "-m", "mesascope", "sweep", FAKE, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=directory, env=environment(directory, **others), **pipes)


def finish(process, code=0):
    out, _ = process.communicate(timeout=120)
    assert process.returncode == code, out
    assert "Traceback" not in out
    return out


def test_a_plan_says_what_is_there_and_runs_nothing(cli, capsys, cells_run):
    assert cli(FAKE, "--grid", "error=0", "size=2") == 0
    capsys.readouterr()
    assert cli(FAKE, "--grid", "error=0,0.2", "size=2,3", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    counts = {name: told[name] for name in ("num_points", "num_cells", "num_stored", "num_missing", "num_known")}
    assert counts == {"num_points": 4, "num_cells": 8, "num_stored": 2, "num_missing": 6, "num_known": 6}
    assert cli(FAKE, "--grid", "error=0,0.2", "size=2,3", "--dry-run") == 0
    out = capsys.readouterr().out
    assert "4 points (2 of error, 2 of size)" in out
    assert "8 cells: 2 stored in runs, 6 to compute" in out
    assert cells_run() == 2


def test_trainings_of_equal_shapes_share_a_program(cli, capsys):
    words = ("identify", "oswald2023-fig2:1", "--preset", "smoke", "--dry-run", "--json", "--grid")
    assert cli(*words, "noise_std=0.1,0.2", "learning_rate=0.001,0.002", "num_steps=20,30") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["num_points"], told["num_trainings"], told["num_programs"]) == (8, 8, 2)


def test_every_number_of_every_point_is_in_the_table(cli, capsys, cells_run, tmp_path):
    words = (FAKE, "--grid", "error=0,0.2", "size=2,4", "--seeds", "2", "--to", "table.csv", "--figure", "map.png")
    assert cli(*words) == 0
    out = capsys.readouterr().out
    assert re.search(r"0\.2 +4 +✗ 0\.2", out)
    assert "4 points" in out
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    found = {(row["setting error"], row["size"], row["number"], row["index"]): row for row in rows}
    assert len(rows) == len(found) == 4 * (2 + 1)
    assert found["0.0", "4", "double", "1"]["verdict"] == "reproduced"
    assert float(found["0.2", "4", "double", "1"]["value"]) == 0.2
    assert float(found["0.0", "4", "largest double", "0"]["value"]) == 6.0
    assert (tmp_path / "map.png").stat().st_size > 5000
    assert cells_run() == 8
    show = ("--show", "double", "largest double", "--json", "--figure", "curves.svg")
    assert cli(FAKE, "--grid", "error=0,0.2", "size=2", "--seeds", "2", *show) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 6
    assert (tmp_path / "curves.svg").stat().st_size > 5000
    assert cells_run() == 8


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        ([], "needs the name of a study"),
        (["fake2099-fig"], "there is no study 'fake2099-fig'. Did you mean 'fake2099-fig1'"),
        ([FAKE, "oswald2023-fig2"], "takes one study"),
        ([FAKE, "--grid", "siz=2"], "must name settings of fake2099-fig1; got 'siz'. Did you mean 'size'"),
        ([FAKE, "--grid", "size=2,x"], "`size` must be an integer; got 'x'"),
        ([FAKE, "--grid", "error=0,1", "size=0,1"], "refuses error=0, size=0: `size` must be an integer of at least 1"),
        ([FAKE, "--grid", "seeds=1,2", "--seeds", "2"], "`--seeds` must not be given beside seeds in `--grid`"),
        ([FAKE, "--grid", "size=2,3", "--to", "t.txt"], "`--to` must end in .csv or .json"),
        ([FAKE, "--grid", "size=2,3", "--to", "no/t.csv"], "`--to` must lie in a folder that is there"),
        (
            [FAKE, "--grid", "size=2", "--figure", "f.png"],
            "must be of one to three settings with several values; got 0",
        ),
        ([FAKE, "--grid", "size=2", "--show", "doubel"], "must name numbers of the study; got 'doubel'. Did you mean"),
        ([FAKE, "--grid", "size=2", "--task", "sinusoid"], "`--task` is for `sweep identify`"),
        ([FAKE, "--grid", "size=2", "--workers", "0"], "`workers` must be an integer of at least 1"),
        ([FAKE, "--scheduler", "a:1", "--scheduler-file", "b"], "must not be given beside `scheduler_file`"),
        (["identify", "nobody:thing", "--task", "linear-regression"], "no study, file or module 'nobody:thing'"),
        (["identify", "oswald2023-fig2:1", "--grid", "steps=2"], "must name settings of oswald2023-fig2 and of its"),
        (["identify", "oswald2023-fig2:9"], "must say which training of oswald2023-fig2"),
        (["phase-noise-depth", "--grid", "num_steps=2,3"], "`num_steps` is no axis of phase-noise-depth"),
    ],
)
def test_what_cannot_be_is_refused_before_it_runs(cli, capsys, words, pattern):
    assert cli(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert pattern in err


def test_one_point_that_fails_leaves_the_others(cli, capsys, cells_run):
    """At one point a cell raises, at another a claim's number is not finite; both are named."""
    assert cli(FAKE, "--grid", "learning_rate=-1,0", "error=0.05,1e999", "--json") == 1
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["failed"] == [
        "learning_rate=-1, error=0.05",
        "learning_rate=-1, error=inf",
        "learning_rate=0, error=inf",
    ]
    assert [row["value"] for row in told["rows"] if row.get("number") == "double"][:3] == [0.05] * 3
    assert "at learning_rate=-1, error=0.05 failed: ValueError: `learning_rate` must be positive" in err
    assert "Traceback" not in err


def test_the_list_names_declared_sweeps(cli, capsys):
    assert cli("--list", "--json") == 0
    (entry,) = [each for each in json.loads(capsys.readouterr().out)["sweeps"] if each["sweep"] == "phase-noise-depth"]
    assert "num_layers=1,2,4" in entry["grid"]


@pytest.mark.slow
def test_a_declared_sweep_names_an_algorithm_at_every_point(cli, capsys, tmp_path):
    grid = ("--grid", "num_layers=1", "noise_std=0.5", "num_steps=10")
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        assert cli("phase-noise-depth", "--preset", "smoke", *grid, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["num_layers"] == 1
    assert row["verdict"] in ("identified", "approximately", "tie", "mixture", "none", "inconclusive")
    assert row["low"] <= row["distance"] <= row["high"]


@pytest.mark.slow
def test_two_sweeps_at_once_compute_each_cell_once(tmp_path):
    words = ("--grid", "error=0,0.1", "seconds=0.2")
    both = [start(tmp_path, *words) for _ in range(2)]
    for process in both:
        finish(process)
    assert len((tmp_path / "log").read_text().splitlines()) == 4


@pytest.mark.slow
def test_a_killed_process_is_replaced(tmp_path):
    """Its cell is tried again in another, and a second call runs nothing."""
    words = ("--grid", "error=0,0.1", "--workers", "2")
    out = finish(start(tmp_path, *words, FAKE_DEATH_ONCE=str(tmp_path / "died")))
    assert "exit code -9" in out
    assert "It is tried again." in out
    assert len((tmp_path / "log").read_text().splitlines()) == 5
    finish(start(tmp_path, *words))
    assert len((tmp_path / "log").read_text().splitlines()) == 5


class Dask:
    """A scheduler of this machine and its workers, a process each."""

    def __init__(self, directory, port):
        self.directory, self.address = directory, f"tcp://127.0.0.1:{port}"
        self.port, self.scheduler, self.workers = str(port), None, []

    def start(self, *words, **others):
        command = [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"]
        told = environment(self.directory, **others)
        with (self.directory / "dask.log").open("a") as log:
            return subprocess.Popen(command, cwd=self.directory, env=told, stdout=log, stderr=log)

    def start_scheduler(self):
        self.scheduler = self.start("scheduler", "--port", self.port)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.port))) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError((self.directory / "dask.log").read_text())

    def start_worker(self, **others):
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self.directory / "scratch"))
        self.workers.append(self.start("worker", self.address, *options, **others))

    def end(self):
        for process in filter(None, [*self.workers, self.scheduler]):
            process.kill()
            process.wait()


@pytest.fixture
def dask(tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = Dask(tmp_path, port)
    cluster.start_scheduler()
    yield cluster
    cluster.end()


def results(directory):
    return {path.name: load_arrays(path)[0] for path in sorted(directory.glob(f"{FAKE}/*.safetensors"))}


@pytest.mark.slow
def test_a_cluster_stores_the_same_bits_and_survives_a_killed_worker(dask, tmp_path):
    words = ("--grid", "learning_rate=0.01,0.02", "size=2", "--seeds", "1")
    finish(start(tmp_path, *words, "--runs", "here"))
    dask.start_worker(FAKE_DEATH_ONCE=str(tmp_path / "died"))
    dask.start_worker()
    out = finish(start(tmp_path, *words, "--runs", "there", "--scheduler", dask.address))
    assert "2 points" in out
    here, there = results(tmp_path / "here"), results(tmp_path / "there")
    assert here.keys() == there.keys()
    assert len(here) == 4
    for name, arrays in here.items():
        assert {each: array.tobytes() for each, array in arrays.items()} == {
            each: array.tobytes() for each, array in there[name].items()
        }
    assert dask.workers[0].wait(timeout=10) == -signal.SIGKILL
    before = len((tmp_path / "log").read_text().splitlines())
    finish(start(tmp_path, *words, "--runs", "there", "--scheduler", dask.address))
    assert len((tmp_path / "log").read_text().splitlines()) == before


@pytest.mark.slow
def test_a_scheduler_that_is_lost_and_comes_back(dask, tmp_path):
    dask.start_worker()
    sweep = start(tmp_path, "--grid", "error=0,0.1", "seconds=1", "--scheduler", dask.address)
    while not (tmp_path / "log").exists():
        time.sleep(0.05)
        assert sweep.poll() is None
    dask.end()
    time.sleep(1)
    dask.start_scheduler()
    dask.start_worker()
    out = finish(sweep)
    assert "does not answer. Waiting for it up to 300 s." in out
    assert "The scheduler is back." in out
    assert "2 points" in out
    assert len(results(tmp_path / "runs")) == 4


def test_a_scheduler_that_is_not_there_is_told_of(cli, capsys, monkeypatch, tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    (tmp_path / "scheduler.json").write_text("{}")
    for option in (
        ("--scheduler", "nonsense"),
        ("--scheduler-file", "none.json"),
        ("--scheduler-file", "scheduler.json"),
    ):
        assert cli(FAKE, "--grid", "size=2,3", *option) == 2
        assert "no Dask scheduler answers at" in capsys.readouterr().err
    monkeypatch.setitem(extras.EXTRAS, "cluster", ("no-such-package",))
    assert cli(FAKE, "--grid", "size=2,3", "--scheduler", "tcp://127.0.0.1:1") == 2
    assert "needs the extra `cluster`: pip install 'mesascope[cluster]'" in capsys.readouterr().err
