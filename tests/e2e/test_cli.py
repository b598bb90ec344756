"""The command line, most of it in this process; what a process alone shows, in one of its own."""

import contextlib
import csv
import dataclasses
import errno
import io
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from rich.console import Console
from tyro._docstrings import get_field_docstring

import mesascope
import mesascope.studies
from mesascope import extras
from mesascope.arrays import load_arrays, save_arrays
from mesascope.cli import main
from mesascope.cli.figures import commands, figure_directory
from mesascope.cli.parsing import parse
from mesascope.cli.progress import Display
from mesascope.identify.saving import load_identification
from mesascope.studies import find_study

FAKES = str(Path(__file__).parents[1] / "fake_studies")
FAKE = "fake2099-fig1"
SOURCE = str(Path(mesascope.__file__).parents[1])
FOR_PROCESSES = {
    "PYTHONPATH": SOURCE,
    "COLUMNS": "80",
    "MESASCOPE_STUDIES": FAKES,
    "JAX_ENABLE_X64": "1",  # as here, so that this process finds what that one has stored
}
START = """
import sys
from mesascope.cli import main
"""


@pytest.fixture
def cli(monkeypatch, tmp_path):
    """`main`, in an empty directory, with one study more: its file is all it takes."""
    monkeypatch.setattr(mesascope.studies, "__path__", [*mesascope.studies.__path__, FAKES])
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.delenv("MESASCOPE_RUNS", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("MESASCOPE_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(list(words))


def cell_of_fake():
    """The configuration that computes the fake study's cells."""
    return type(find_study(FAKE)().cells()[0].config)


@pytest.fixture
def cells_run(tmp_path):
    """How many cells of the fake study have run so far."""
    log = tmp_path / "log"
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


def start(*words, code=START + "sys.exit(main())", **options):
    environment = {**os.environ, **FOR_PROCESSES, "MESASCOPE_WORKERS": "1", **options.pop("environment", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *words], env=environment, **pipes, **options)


def assert_refused(capsys, code, *patterns):
    """Exit code 2, a message and no traceback, nothing on stdout."""
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    for pattern in patterns:
        assert re.search(pattern, err), err


# The pages


def test_list_names_every_study(cli, capsys):
    assert cli("list") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in mesascope.studies.study_names())
    assert re.search(rf"{FAKE} +1 *\n +Twice is plus itself", out)


def test_list_as_json(cli, capsys):
    assert cli("list", "--json") == 0
    studies = json.loads(capsys.readouterr().out)["studies"]
    assert [study["study"] for study in studies] == list(mesascope.studies.study_names())
    title, source = "Twice is plus itself", "Nobody 2099, figure 1"
    of_kind = {"num_claims_by_kind": {"found here": 1}}
    assert {"study": FAKE, "title": title, "source": source, "kind": "paper", "num_claims": 1, **of_kind} in studies


def test_show_is_the_studys_page(cli, capsys):
    assert cli("show", FAKE) == 0
    out = capsys.readouterr().out
    for part in ("Twice is plus itself", "Nobody 2099, figure 1", "Notes with [brackets] and a line break."):
        assert part in out
    assert re.search(r"double +found here +Twice a number is the .*largest difference:", out)
    assert re.search(r"--seeds +3 +3 +5", out)


def test_show_as_json(cli, capsys):
    assert cli("show", FAKE, "--json") == 0
    page = json.loads(capsys.readouterr().out)
    claim = page["claims"][0]
    assert claim["criterion"] == "largest difference: at most 0.1 (mean over seeds and its whole 95% interval)"
    told = {"id", "statement", "quantity", "relation", "bound", "over", "scale", "decided_by", "kind", "restates"}
    assert claim.keys() == told | {"criterion"}
    assert page["presets"]["paper"] == {"seeds": 5, "size": 8, "error": 0.0, "seconds": 0.0, "learning_rate": 0.0}


def test_every_study_has_a_page_and_options(cli, capsys):
    for study in mesascope.studies.study_names():
        assert cli("show", study) == 0
        assert cli("run", study, "--help") == 0
        assert "--seeds" in capsys.readouterr().out


def test_every_setting_of_a_study_is_explained():
    bare = [
        f"{name} {field.name}"
        for name in mesascope.studies.study_names()
        for field in dataclasses.fields(find_study(name))
        if not get_field_docstring(find_study(name), field.name, ())
    ]
    assert bare == []


def test_an_open_question_says_so(cli, capsys):
    for words in (["list"], ["show", "oswald2023-noise"]):
        assert cli(*words) == 0
        assert "open question" in re.sub(r"\s+", " ", capsys.readouterr().out)
    assert cli("list", "--json") == 0
    kinds = {each["study"]: each["kind"] for each in json.loads(capsys.readouterr().out)["studies"]}
    assert sorted(name for name, kind in kinds.items() if kind == "open question") == [
        "identify-calibration",
        "oswald2023-noise",
        "sander2024-dense",
        "sander2024-noncommuting",
        "sander2024-position-schemes",
        "sander2024-prop7-convergence",
        "sander2024-text-mechanism",
    ]


def test_the_version(cli, capsys):
    assert cli("--version") == 0
    assert capsys.readouterr().out == f"mesascope {mesascope.__version__}\n"


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("export", "--help"), ("show", "--help")])
def test_help(cli, capsys, words):
    assert cli(*words) == 0
    assert capsys.readouterr().out.startswith("usage: mesascope")


def test_a_studys_settings_are_options_with_the_presets_values(cli, capsys):
    assert cli("run", FAKE, "--preset", "paper", "--help") == 0
    out = capsys.readouterr().out
    assert re.search(r"--size INT +How many numbers are doubled. \(default: 8\)", out)
    assert re.search(r"--seeds INT +Differences, all of them the same. \(default: 5\)", out)


# Running


def test_run_prints_verdicts_notes_and_where_figures_lie(cli, capsys, tmp_path):
    assert cli("run", FAKE) == 0
    out, err = capsys.readouterr()
    assert re.search(r"✓ reproduced +double +0 ", out)
    assert re.search(r"double +0  0  0", out)
    assert re.search(r"largest double +6", out)
    assert "Numbers [were] doubled." in out
    assert f"Figures: runs/{FAKE}/figures-quick" in out
    assert re.search(r"Found here: 1 of 1 claims reproduced\.\nIn all: 1 of 1 claims reproduced, \d+\.\d s", out)
    figures = sorted(path.name for path in (tmp_path / "runs" / FAKE / "figures-quick").iterdir())
    assert figures == [".drawn.json", "doubles.png", "doubles.txt"]
    told = [line.split(" in ")[0] for line in err.splitlines()]
    assert told == [f"{FAKE}: part {part}: {what}" for part in (1, 2) for what in ("started", "done")]
    assert "\x1b" not in out + err


def test_a_second_run_reads_what_the_first_one_stored(cli, capsys, cells_run):
    assert [cli("run", FAKE), cells_run()] == [0, 2]
    capsys.readouterr()
    assert [cli("run", FAKE), cells_run()] == [0, 2]
    assert capsys.readouterr().err.count("(stored)") == 2


def test_figures_are_drawn_once(cli, tmp_path):
    figure = tmp_path / "runs" / FAKE / "figures-quick" / "doubles.png"
    cli("run", FAKE, "--quiet")
    figure.write_bytes(b"kept")
    cli("run", FAKE, "--quiet", "--force")
    assert figure.read_bytes() == b"kept"
    figure.unlink()
    cli("run", FAKE, "--quiet")
    assert figure.read_bytes()[1:4] == b"PNG"


def test_smoke_decides_nothing(cli, capsys):
    assert cli("run", FAKE, "--preset", "smoke", "--error", "0") == 0
    assert re.search("– not decided at.* +double", capsys.readouterr().out)


def test_force_runs_finished_cells_again(cli, cells_run):
    assert [cli("run", FAKE), cells_run()] == [0, 2]
    assert [cli("run", FAKE, "--force"), cells_run()] == [0, 4]


def test_a_claim_that_fails_gives_exit_code_1(cli, capsys):
    assert cli("run", FAKE, "--error", "0.2") == 1
    assert "✗ not reproduced" in capsys.readouterr().out
    assert cli("run", FAKE, "--error", "0", "--seeds", "1") == 1
    assert "? inconclusive" in capsys.readouterr().out


def test_numbers_that_are_not_finite_are_a_verdict(cli, capsys):
    assert cli("run", FAKE, "--error", "nan", "--json") == 1
    (study,) = json.loads(capsys.readouterr().out)["studies"]
    assert (study["claims"][0]["verdict"], study["claims"][0]["measured"]) == ("not reproduced", None)


def test_json_is_one_document_and_nothing_else(cli, capsys, monkeypatch):
    compute = cell_of_fake().compute
    monkeypatch.setattr(cell_of_fake(), "compute", lambda *words: print("chatter") or compute(*words))
    assert cli("run", FAKE, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    (study,) = document["studies"]
    assert (study["study"], study["preset"], study["claims"][0]["verdict"]) == (FAKE, "quick", "reproduced")
    assert (study["claims"][0]["per_seed"], study["claims"][0]["interval"]) == ([0.0] * 3, [0.0, 0.0])
    assert study["also_measured"] == {"largest double": [6.0]}
    assert len(study["figures"]) == 1
    assert all(Path(path).exists() for path in study["figures"])


def test_quiet_is_one_line_a_study(cli, capsys):
    assert cli("run", FAKE, "--quiet") == 0
    assert capsys.readouterr() == (f"{FAKE}: 1 of 1 claims reproduced\n", "")


def test_settings_that_are_no_preset_have_figures_of_their_own():
    study = find_study("oswald2023-prop1")
    changed = [study.preset("quick", seeds=seeds) for seeds in (11, 12)]
    names = [figure_directory(Path("runs"), each).name for each in (study.preset("quick"), *changed)]
    assert names[0] == "figures-quick"
    assert all(re.fullmatch("figures-custom-[0-9a-f]{8}", name) for name in names[1:])
    assert len(set(names)) == 3


def test_the_directory_of_results_comes_from_the_environment_or_an_option(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("MESASCOPE_RUNS", str(tmp_path / "there"))
    cli("run", FAKE, "--quiet")
    cli("run", FAKE, "--quiet", "--runs", "elsewhere")
    assert not (tmp_path / "runs").exists()
    assert len(list((tmp_path / "there" / FAKE).glob("*.safetensors"))) == 2
    assert len(list((tmp_path / "elsewhere" / FAKE).glob("*.safetensors"))) == 2


def test_reproduce_runs_every_study_of_a_paper(cli, capsys):
    assert cli("reproduce", "--paper", "fake2099", "--preset", "smoke", "--seeds", "2", "--json") == 0
    (study,) = json.loads(capsys.readouterr().out)["studies"]
    assert (study["study"], study["preset"]) == (FAKE, "custom")
    assert cli("reproduce", "--paper", "fake2099", "--preset", "paper") == 0


def test_reproduce_is_for_every_study(cli):
    names = [study.name() for study in parse(["reproduce", "--preset", "smoke"]).studies]
    assert names == list(mesascope.studies.study_names())


@pytest.fixture
def two_fakes(cli, monkeypatch, tmp_path):
    """The command line with another study of the fake paper, the first of which needs an extra that is not there."""
    text = (Path(FAKES) / "fake2099" / "fig1.py").read_text()
    (tmp_path / "fake2100").mkdir()
    (tmp_path / "fake2100" / "__init__.py").touch()
    (tmp_path / "fake2100" / "fig2.py").write_text(text.replace("Twice is plus itself", "Again"))
    monkeypatch.setattr(mesascope.studies, "__path__", [*mesascope.studies.__path__, str(tmp_path)])
    monkeypatch.setitem(extras.EXTRAS, "text", ("not-a-package-of-anybody",))
    monkeypatch.setattr(cell_of_fake(), "compute", lambda *_: extras.check_extra("text"))
    yield cli
    for name in ("fake2100", "fake2100.fig2"):
        sys.modules.pop(f"mesascope.studies.{name}", None)


NOT_RUN = rf"{FAKE} was not run: it needs the extra `text`: pip install 'mesascope\[text\]'"


def test_a_study_whose_extra_is_missing_is_refused(two_fakes, capsys):
    for option in ("--quiet", "--json"):
        assert_refused(capsys, two_fakes("run", FAKE, option), f"(?m)^mesascope: {NOT_RUN}")


def test_reproduce_runs_the_others_and_says_what_is_missing(two_fakes, capsys):
    assert two_fakes("reproduce", "--paper", "fake2") == 2
    out, err = capsys.readouterr()
    assert "1 of 1 claims reproduced, " in out
    assert re.search(r"fake2100-fig2 +1 +0 +figures-quick", out)
    assert re.search(r"Figures lie in runs/STUDY/", out)
    assert "Next: `mesascope show fake2100-fig2`" in out
    assert re.search(NOT_RUN, err)
    assert "Traceback" not in err
    assert two_fakes("reproduce", "--paper", "fake2", "--json") == 2
    document = json.loads(capsys.readouterr().out)
    assert [study["study"] for study in document["studies"]] == ["fake2100-fig2"]
    assert list(document["not_run"]) == [FAKE]


def lines_until(console, pattern):
    """What a console shows, as soon as the pattern is in it."""
    deadline = time.monotonic() + 20
    while not re.search(pattern, console.file.getvalue()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return console.file.getvalue()


def test_progress_without_a_terminal_is_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr("mesascope.cli.progress.SECONDS_BETWEEN_LINES", 0.01)
    console = Console(file=io.StringIO(), width=40)
    with Display(console, quiet=False, num_studies=3) as display:
        report = display.begin("a cell")
        assert console.file.getvalue() == "a cell: started\n"
        assert lines_until(console, "a cell: started, ")  # and that while nothing is reported, as in a compiler
        report(1, 3, "loss [0.5]")
        shown = lines_until(console, "1/3")
        assert "a cell: 1/3, loss [0.5], 0 s (0 of 3 studies done)\n" in shown
        report(3, 3, "loss 0.4")
        assert "a cell: 3/3, loss 0.4, measuring, 0 s" in lines_until(console, "3/3")
        display.study_done()
        display.outlook(130.0)
        display.end("a cell", finished=True)
    last = console.file.getvalue().splitlines()[-1]
    assert re.fullmatch(r"a cell: done in \d\.\d s \(loss 0.4\) \(1 of 3 studies done, about 2 min left\)", last)


def test_the_clock_goes_on_while_a_cell_that_is_through_its_steps_measures():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, _environ={"TERM": "xterm"})
    now = [0.0]
    with Display(console, quiet=False) as display:
        display.progress.get_time = lambda: now[0]
        report = display.begin("a cell")
        report(3, 3, "loss 0.5")
        now[0] = 65.0
        display.progress.refresh()
        assert re.search(r"3/3.*0:01:05.*loss 0.5, measuring", console.file.getvalue())
        display.end("a cell", finished=True)
        now[0] = 100.0
    assert "0:01:40" not in console.file.getvalue().split("a cell")[-1]


def test_progress_on_a_terminal_is_a_bar():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, _environ={"TERM": "xterm"})
    with Display(console, quiet=False) as display:
        display.begin("a [cell]")(1, 3, "loss 0.5")
        display.say("a message")
        display.end("a [cell]", finished=True)
    shown = console.file.getvalue()
    assert all(part in shown for part in ("a [cell]", "3/3", "loss 0.5", "a message\n"))
    with Display(console, quiet=False, num_studies=4) as display:
        display.study_done()
        display.outlook(42.0)
    assert re.search(r"studies .*1/4.*about 40 s left", console.file.getvalue())


# Bad input


@pytest.mark.parametrize("command", ["run", "show", "export"])
def test_an_unknown_study_is_answered_with_the_nearest(cli, capsys, command):
    assert_refused(capsys, cli(command, "fake2099-fg1"), rf"no study 'fake2099-fg1'. Did you mean '{FAKE}'\?")


def test_names_and_options_stand_in_any_order(cli):
    orders = ("{} {} --seeds 7", "--seeds 7 {} {}", "{} --seeds=7 {}", "{} --seeds 7 {}", "--quiet {} {} --seeds 7")
    for line in orders:
        studies = parse(["run", *line.format(FAKE, "oswald2023-prop1").split()]).studies
        assert [(study.name(), study.seeds) for study in studies] == [(FAKE, 7), ("oswald2023-prop1", 7)]


def test_a_study_is_needed(cli, capsys):
    assert_refused(capsys, cli("run"), "`run` needs the name of a study")
    assert_refused(capsys, cli("run", "--preset", "smoke", "--json"), "`run` needs the name of a study")


def test_an_unknown_setting_is_answered_with_the_nearest(cli, capsys):
    assert_refused(capsys, cli("run", FAKE, "--siez", "3"), "`run` has no option --siez. Did you mean '--size'\\?")
    assert_refused(capsys, cli("run", "--siez", "3", FAKE), "`run` has no option --siez. Did you mean '--size'\\?")


def test_a_setting_of_the_wrong_type(cli, capsys):
    assert_refused(capsys, cli("run", FAKE, "--size", "three"), "Error parsing --size: invalid literal for int")
    assert_refused(capsys, cli("run", FAKE, "--size"), "--size")


def test_an_unknown_preset(cli, capsys):
    assert_refused(capsys, cli("run", FAKE, "--preset=quik"), "invalid choice 'quik'.*smoke")


@pytest.mark.parametrize("command", [("run", FAKE, "--size", "0"), ("reproduce", "--paper", "fake", "--seeds", "0")])
def test_impossible_sizes(cli, capsys, command, cells_run):
    assert_refused(capsys, cli(*command), "`(size|seeds)` must be an integer of at least 1; got 0")
    assert cells_run() == 0


def test_sizes_that_only_the_cells_find_impossible(cli, capsys, monkeypatch, cells_run):
    def refuse(_):
        raise ValueError("`size` must be even; got 3. Use 4.")

    monkeypatch.setattr(find_study(FAKE), "cells", refuse)
    assert_refused(capsys, cli("run", FAKE), "`size` must be even; got 3. Use 4.")
    assert cells_run() == 0


def test_several_studies_take_the_settings_they_share(cli, capsys, monkeypatch):
    assert_refused(
        capsys,
        cli("run", FAKE, "oswald2023-prop1", "--num-steps", "3"),
        f"--num-steps is not a setting of {FAKE}",
    )
    request = parse(["run", FAKE, "oswald2023-prop1", "--preset", "smoke", "--seeds", "7"])
    assert [(study.name(), study.seeds) for study in request.studies] == [(FAKE, 7), ("oswald2023-prop1", 7)]


def test_an_unknown_command(cli, capsys):
    assert_refused(capsys, cli("rnu", FAKE), "no command 'rnu'. Did you mean 'run'", "list, show, run")
    assert_refused(
        capsys, cli(), "give a command: identify, .*, list, show, run, .* `mesascope --help` says what each does"
    )
    assert_refused(capsys, cli("list", "--jsno"), "`list` has no option --jsno. Did you mean '--json'\\?")


def test_a_name_far_from_all_others_is_not_guessed_at(cli, capsys):
    for words in (["bogus"], ["run", "bogus"], ["run", FAKE, "--bogus", "3"]):
        assert_refused(capsys, cli(*words), r"bogus'?\. (The|`mesascope)")


def test_what_is_given_twice_too_much_or_empty(cli, capsys, cells_run):
    assert_refused(capsys, cli("run", FAKE, FAKE), f"a study must be named once; got '{FAKE}' twice")
    assert_refused(capsys, cli("--version", "more"), "`--version` must stand alone; got 'more'")
    for words in (["--runs", ""], ["--runs="], ["--to", ""], ["--paper="], [""]):
        assert_refused(capsys, cli("export", FAKE, *words), "got an empty word")
    assert cells_run() == 0


def test_a_setting_that_lists_something_twice(cli, capsys):
    code = cli("run", "oswald2023-fig11-softmax", "--preset", "smoke", "--num-heads", "2", "2")
    assert_refused(capsys, code, "`num_heads` must list nothing twice")


@pytest.mark.parametrize("words", [("--workers", "0"), ("--workers", "-1")])
def test_too_few_workers(cli, capsys, words, cells_run):
    assert_refused(capsys, cli("run", FAKE, *words), "`workers` must be an integer of at least 1")
    assert cells_run() == 0


def test_what_the_environment_says_wrongly(cli, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MESASCOPE_WORKERS", "many")
    assert_refused(capsys, cli("run", FAKE), "`MESASCOPE_WORKERS` must be an integer of at least 1; got 'many'")
    monkeypatch.setattr(mesascope.studies, "__path__", [str(tmp_path / "nowhere")])
    assert_refused(capsys, cli("list"), "`MESASCOPE_STUDIES` must name folders of studies; got '.*nowhere'")


@pytest.mark.parametrize(
    "words",
    [
        *((FAKE, "--size", "99999999999"), (FAKE, "--seeds", "99999999999")),
        *(("oswald2023-fig2", "--first-seed", "4294967296"), ("oswald2023-fig2", "--first-seed", "4294967295")),
    ],
)
def test_sizes_and_seeds_beyond_all_bounds(cli, capsys, words, cells_run):
    assert_refused(capsys, cli("run", *words), "`(size|seeds|first_seed)` must be .*(1000000000|1000000|4294967295)")
    assert cells_run() == 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError("Unable to allocate 745. GiB"), "these sizes need more memory than there is"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "these sizes need more memory than there is"),
    ],
)
def test_what_the_machine_lacks_is_told_without_a_traceback(cli, capsys, monkeypatch, error, told):
    def compute(*_):
        raise error

    monkeypatch.setattr(cell_of_fake(), "compute", compute)
    assert_refused(capsys, cli("run", FAKE), told)


@pytest.mark.parametrize("platform", ["cuda", "bogus"])  # of which JAX says nothing, or its own sentence
def test_a_device_that_is_not_there(tmp_path, platform):
    words = ("run", "oswald2023-prop1", "--preset=smoke")
    process = start(*words, cwd=tmp_path, environment={"JAX_PLATFORMS": platform})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, "Traceback" in err) == (2, "", False)
    assert f"JAX finds no such device as JAX_PLATFORMS='{platform}' asks for" in err


def test_a_name_too_long_for_a_directory(cli, capsys):
    assert_refused(capsys, cli("run", FAKE, "--runs", "x" * 300), "`runs` must be a directory .*File name too long")
    cli("run", FAKE, "--quiet")
    capsys.readouterr()
    assert_refused(capsys, cli("export", FAKE, "--to", "x" * 300), "`to` must be a directory .*File name too long")


def test_no_study_of_that_paper(cli, capsys):
    assert_refused(capsys, cli("reproduce", "--paper", "nobody"), "`paper` must begin the name of a study")


def test_a_directory_of_results_that_is_a_file(cli, capsys, tmp_path, cells_run):
    (tmp_path / "runs").write_text("")
    assert_refused(capsys, cli("run", FAKE), r"`runs` must be a directory .* \(a file\)")
    assert cells_run() == 0


def test_a_directory_of_results_that_cannot_be_written(cli, capsys, monkeypatch, cells_run):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert_refused(capsys, cli("run", FAKE), "`runs` must be a directory .*Permission denied")
    assert cells_run() == 0


def test_a_disk_that_fills_up(cli, capsys, monkeypatch):
    real, calls = os.fsync, []

    def fill(handle):
        calls.append(handle)
        if len(calls) > 4:  # the directory's check, two checkpoints and a result were written
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fill)
    assert_refused(
        capsys, cli("run", FAKE), "No space left on device", "put this right and give the same command again"
    )
    monkeypatch.undo()


def test_a_bug_still_gives_its_traceback(cli, monkeypatch):
    def broken(*_):
        raise ValueError("a bug")

    monkeypatch.setattr(cell_of_fake(), "compute", broken)
    with pytest.raises(ValueError, match="a bug"):
        cli("run", FAKE)


BROKEN = """
import sys
import mesascope.cli
from mesascope.__main__ import main
mesascope.cli.main = lambda: 1 / 0
sys.exit(main())
"""


def test_a_bug_has_an_exit_code_of_its_own():
    process = start(code=BROKEN)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, "ZeroDivisionError: division by zero" in err) == (70, "", True)


def test_a_damaged_result_is_told_and_run_again(cli, capsys, tmp_path, cells_run):
    cli("run", FAKE)
    for path in (tmp_path / "runs" / FAKE).glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])
    capsys.readouterr()
    assert cli("run", FAKE, "--quiet") == 0
    assert capsys.readouterr().err.count(".damaged-1") == 2
    assert cells_run() == 4


def test_results_that_lack_what_is_judged_are_named(cli, capsys, tmp_path):
    """Files that were stored before they listed their arrays; where they do list them, an error is a bug."""
    cli("run", FAKE)
    paths = list((tmp_path / "runs" / FAKE).glob("*.safetensors"))
    for path in paths:
        arrays, header = load_arrays(path)
        del arrays["difference"], header["arrays"]
        save_arrays(path, arrays, header)
    capsys.readouterr()
    for words in (("run", FAKE, "--quiet"), ("export", FAKE, "--to", "out")):
        names = [re.escape(path.name) for path in paths]
        assert_refused(capsys, cli(*words), rf"{FAKE} cannot be judged \(KeyError: 'difference'\)", *names)


def test_a_result_that_cannot_be_read_nor_set_aside_is_named_and_left(cli, capsys, monkeypatch, tmp_path):
    cli("run", FAKE)
    path = max((tmp_path / "runs" / FAKE).glob("*.safetensors"))
    content = path.read_bytes()

    def refuse_this(name, *mode):
        if name == Path("runs", FAKE, path.name):
            raise PermissionError(errno.EACCES, "Permission denied")
        return open(name, *mode)

    monkeypatch.setattr("mesascope.arrays.open", refuse_this, raising=False)
    capsys.readouterr()
    assert_refused(capsys, cli("export", FAKE, "--to", "out"), rf"{path.name} cannot be used: it cannot be read \(Perm")
    monkeypatch.setattr(Path, "rename", refuse_this)
    assert_refused(
        capsys, cli("run", FAKE, "--force"), rf"{path.name} cannot be read .* cannot be set aside: Permission"
    )
    assert path.read_bytes() == content


# Export and completion


def test_export_writes_everything_and_runs_nothing(cli, capsys, tmp_path, cells_run):
    cli("run", FAKE, "--size", "3")
    assert cli("export", FAKE, "--size", "3", "--to", "out/deep") == 0
    assert cells_run() == 2
    out = tmp_path / "out" / "deep"
    (study,) = json.loads((out / "verdicts.json").read_text())["studies"]
    assert study["claims"][0]["verdict"] == "reproduced"
    assert [Path(path).name for path in study["figures"]] == ["doubles.png", "doubles.svg", "doubles.pdf"]
    assert all((out / path).exists() for path in study["figures"])
    assert "✓ reproduced" in (out / "verdicts.md").read_text()
    assert [row["claim"] for row in csv.DictReader((out / "verdicts.csv").read_text().splitlines())] == ["double"]
    provenance = json.loads((out / FAKE / "provenance.json").read_text())
    assert provenance["settings"]["size"] == 3
    for cell in provenance["cells"]:
        with np.load(out / FAKE / cell["file"]) as arrays:
            np.testing.assert_array_equal(arrays["double"], [0.0, 2.0, 4.0])
        assert cell["provenance"]["versions"]["mesascope"] == mesascope.__version__


def test_export_draws_for_the_width_of_a_column_and_says_what_a_figure_shows(cli, capsys, tmp_path):
    cli("run", FAKE, "--size", "3")
    assert cli("export", FAKE, "--size", "3", "--to", "out", "--width", "85mm") == 0
    figures = tmp_path / "out" / FAKE / "figures"
    (points,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ", (figures / "doubles.pdf").read_bytes())
    assert float(points) == pytest.approx(85 / 25.4 * 72, abs=0.01)
    caption = (figures / "doubles.txt").read_text()
    for words in ("Twice is plus itself", "n = 3 seeds", find_study(FAKE).claims[0].criterion, "Nobody 2099"):
        assert words in caption
    assert f"mesascope run {FAKE} --preset quick --size 3 && mesascope export {FAKE} --preset quick --size 3" in caption


@pytest.mark.parametrize("width", ["8.5", "8,5cm", "-8cm", "1e3cm", "wide", "3cm", "90cm"])
def test_a_width_that_no_page_has_is_refused(cli, capsys, width):
    assert_refused(capsys, cli("export", FAKE, "--to", "out", f"--width={width}"), "`width` must be")


def test_the_command_of_a_figure_reads_back_as_the_study_that_it_draws():
    for name in mesascope.studies.study_names():
        study = find_study(name)
        for made in (study.preset("smoke"), study.preset("paper"), study.preset("smoke", seeds=97)):
            for command in commands(made, 8.5).split(" && "):
                assert parse(shlex.split(command)[1:]).studies == (made,)


def test_export_of_what_is_not_there_names_the_command(cli, capsys, tmp_path, cells_run):
    code = cli("export", FAKE, "--to", "out", "--size", "9", "--preset=smoke")
    assert_refused(capsys, code, rf"computes it: mesascope run {FAKE} --size 9 --preset=smoke\n")
    assert not (tmp_path / "out").exists()
    assert cells_run() == 0


def test_export_of_another_preset_names_what_is_stored(cli, capsys, tmp_path):
    cli("run", FAKE, "--quiet", "--preset", "smoke")
    capsys.readouterr()
    command = f"mesascope export {FAKE} --to out --preset smoke"
    assert_refused(capsys, cli("export", FAKE, "--to", "out"), f"Stored are all results of preset smoke: {command}\n")
    assert not (tmp_path / "out").exists()
    assert cli(*command.split()[1:]) == 0
    cli("run", FAKE, "--quiet", "--runs", "more")
    for preset in ("smoke", "paper"):
        cli("run", FAKE, "--quiet", "--runs", "more", "--preset", preset)
    capsys.readouterr()
    code = cli("export", FAKE, "--to", "out", "--runs", "more", "--size", "5")
    assert_refused(capsys, code, "presets smoke, quick, paper: .* --runs more --preset paper\n")


def test_export_leaves_files_of_the_users_alone(cli, capsys, tmp_path):
    cli("run", FAKE, "--quiet")
    assert [cli("export", FAKE, "--to", "out"), cli("export", FAKE, "--to", "out")] == [0, 0]
    written = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    verdicts, table = tmp_path / "out" / "verdicts.md", tmp_path / "out" / "verdicts.csv"
    verdicts.write_text("mine")
    table.unlink()
    capsys.readouterr()
    assert_refused(capsys, cli("export", FAKE, "--to", "out"), r"got 'out/verdicts.md', with other content.*--force")
    assert (verdicts.read_text(), table.exists()) == ("mine", False)
    assert cli("export", FAKE, "--to", "out", "--force") == 0
    assert {path: path.read_bytes() for path in written} == written


def test_export_onto_a_directory_of_a_files_name(cli, capsys, tmp_path):
    cli("run", FAKE, "--quiet")
    (tmp_path / "out" / "verdicts.md").mkdir(parents=True)
    capsys.readouterr()
    assert_refused(capsys, cli("export", FAKE, "--to", "out"), "got 'out/verdicts.md', with other content")
    assert_refused(capsys, cli("export", FAKE, "--to", "out", "--force"), "`to` must be writable .*Is a directory")


def test_export_needs_a_directory(cli, capsys, tmp_path):
    cli("run", FAKE, "--quiet")
    (tmp_path / "out").write_text("")
    capsys.readouterr()
    assert_refused(capsys, cli("export", FAKE, "--to=out"), r"`to` must be a directory .* \(a file\)")
    assert_refused(capsys, cli("export", FAKE), "--to")


def complete(script, *words):
    line = f"COMP_WORDS=({' '.join(map(repr, words))}); COMP_CWORD={len(words) - 1}"
    command = f"{script}\n{line}; _mesascope; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout.split()


def test_completion_knows_commands_studies_options_and_presets(cli, capsys, tmp_path):
    assert cli("completion", "bash") == 0
    script = capsys.readouterr().out
    assert complete(script, "mesascope", "re") == ["reproduce", "report"]
    assert complete(script, "mesascope", "run", "fake") == [FAKE]
    assert complete(script, "mesascope", "show", "x", "--j") == ["--json"]
    assert complete(script, "mesascope", "run", FAKE, "--preset", "") == ["smoke", "quick", "paper"]
    (tmp_path / "place").mkdir()
    assert complete(script, "mesascope", "run", FAKE, "--runs", "pl") == ["place"]


def test_completion_for_zsh(cli, capsys):
    assert cli("completion", "zsh") == 0
    assert capsys.readouterr().out.startswith("autoload -U +X bashcompinit")


# The process


def test_help_is_fast_and_imports_nothing_heavy():
    report = (
        "import json; print(json.dumps([n for n in ('jax', 'numpy', 'matplotlib', 'equinox') if n in sys.modules]))"
    )
    of_help, of_tyro = [], []
    for _ in range(3):
        out, seconds = output_and_processor_seconds("--help", code=f"{START}code = main()\n{report}\nsys.exit(code)")
        assert json.loads(out.splitlines()[-1]) == []
        of_help.append(seconds)
        of_tyro.append(output_and_processor_seconds(code="import tyro")[1])
    assert min(of_help) < 3 * min(of_tyro)  # a ratio: on a busy machine both take longer


def output_and_processor_seconds(*words, code):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = start(*words, code=code)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return out, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.fixture
def workers_find_fakes(cli, monkeypatch):
    """New processes that start from here find the fake study too, and compute in this one's precision."""
    for name, value in FOR_PROCESSES.items():
        monkeypatch.setenv(name, value)


def test_cells_run_side_by_side_with_the_same_results(cli, capsys, tmp_path, workers_find_fakes):
    assert cli("run", FAKE, "--runs", "one") == 0
    capsys.readouterr()
    figure = Path("two", FAKE, "figures-quick", "doubles.png")
    assert cli("run", FAKE, "--runs", "two", "--workers", "2", "--json") == 0
    out, err = capsys.readouterr()
    (study,) = json.loads(out)["studies"]
    assert (study["claims"][0]["verdict"], study["figures"]) == ("reproduced", [str(figure)]), err
    assert (tmp_path / figure).exists()  # which another process draws
    one, two = (
        {path.name: load_arrays(path)[0] for path in (tmp_path / directory / FAKE).glob("*.safetensors")}
        for directory in ("one", "two")
    )
    assert len(one) == 2
    np.testing.assert_equal(one, two)


@pytest.mark.parametrize("beyond_presets", [(), ("--size", "9")])
def test_a_process_that_dies_is_told_and_the_same_command_finishes(
    beyond_presets, cli, capsys, monkeypatch, tmp_path, workers_find_fakes
):
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_DEATH", "2")
    workers = "1" if beyond_presets else "2"
    code = cli("run", FAKE, "--workers", workers, *beyond_presets)
    message = rf"{FAKE} was not run: it was stopped: a process that computed it ended \(exit code -9\), as it does"
    assert_refused(capsys, code, message)
    monkeypatch.delenv("FAKE_DEATH")
    assert cli("run", FAKE, *beyond_presets) == 0
    three_tries_and_the_last = ["part 2"] * 4
    assert sorted((tmp_path / "log").read_text().splitlines()) == ["part 1", *three_tries_and_the_last]


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "mesascope", "--version"]
    done = subprocess.run(command, env={**os.environ, **FOR_PROCESSES}, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mesascope {mesascope.__version__}\n", "")


def test_a_reader_that_stops_reading_causes_no_traceback():
    process = start("show", FAKE)
    process.stdout.close()
    assert (process.stderr.read(), process.wait(timeout=20)) == ("", 141)
    process.stderr.close()


@pytest.mark.parametrize("words", [("show", FAKE), ("--version",), ("run", FAKE, "--help"), ("run", FAKE, "--json")])
def test_a_full_standard_output(cli, capsys, words):
    for buffering in (-1, 1):
        with open("/dev/full", "w", buffering) as full, contextlib.redirect_stdout(full):
            assert cli(*words) == 2
        message = "mesascope: standard output must be writable; got 'No space left on device'.\n"
        assert capsys.readouterr().err.endswith(message)


def test_a_full_standard_error(cli, capsys):
    for words in (["bogus"], ["run", FAKE]):
        with open("/dev/full", "w", buffering=1) as full, contextlib.redirect_stderr(full):
            assert cli(*words) == 2


def test_streams_that_are_closed(tmp_path):
    command = f"{sys.executable} -m mesascope run {FAKE} >&- 2>&- <&-"
    environment = {**os.environ, **FOR_PROCESSES, "MESASCOPE_WORKERS": "1"}
    assert subprocess.run(["bash", "-c", command], env=environment, cwd=tmp_path).returncode == 0
    assert (tmp_path / "runs" / FAKE / "figures-quick" / "doubles.png").exists()


def test_verdicts_differ_in_ascii_too(cli):
    symbols = {"--error=0.2": "x", "--preset=smoke": "-", "--preset=quick": "+"}
    for option, symbol in symbols.items():
        with io.TextIOWrapper(io.BytesIO(), encoding="ascii") as screen, contextlib.redirect_stdout(screen):
            cli("run", FAKE, option)
            screen.seek(0)
            shown = screen.read()
        assert re.search(rf"{re.escape(symbol)} (not reproduced|not decided|reproduced) .*double", shown), shown


def test_a_diverged_training_is_a_verdict_and_not_a_crash(cli, capsys):
    with jax.numpy_dtype_promotion("standard"):
        assert cli("run", FAKE, "--learning-rate", "1e300", "--json") == 1
    (study,) = json.loads(capsys.readouterr().out)["studies"]
    assert (study["claims"][0]["verdict"], study["claims"][0]["measured"]) == ("not reproduced", None)


@contextlib.contextmanager
def on_a_terminal():
    """Stdout and stderr are a terminal; gives pieces of what was written to it, all of them afterwards."""
    screen, program = os.openpty()
    pieces = []

    def read():
        with contextlib.suppress(OSError):  # raised when nobody can write to it any more
            while True:
                pieces.append(os.read(screen, 1 << 16))

    reader = threading.Thread(target=read)
    reader.start()
    with open(program, "w") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield pieces
    reader.join(timeout=20)
    os.close(screen)


@pytest.mark.parametrize("no_color", [False, True])
def test_on_a_terminal_progress_is_live(cli, monkeypatch, no_color):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("PYTHON_TYRO_ANSI_CODES", "False")  # the command sets it for good
    with on_a_terminal() as pieces:
        assert cli("run", FAKE, "--seconds", "0.4") == 0
    out = b"".join(pieces).decode()
    assert re.search(r"part 2.*10", out)
    assert "\x1b[?25l" in out  # the cursor is hidden while bars move
    assert ("\x1b[32m" in out) is not no_color


def test_a_model_is_identified_drawn_and_kept(cli, capsys, tmp_path, monkeypatch):
    (tmp_path / "mine_to_identify.py").write_text(
        "def zero(xs, ys, query):\n    return 0 * ys[0]\n\n\ndef broken(xs, ys, query):\n    return 1 / 0\n"
    )
    (tmp_path / "broken_at_import.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    words = ("identify", "mine_to_identify:zero", "--task", "linear-regression", "--dim-x", "2", "--num-examples", "3")
    assert cli(*words, "--candidates", "zero", "last-label", "--json", "--save", "it", "--figure", "it.svg") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"]["members"], found["task"]["dim_x"]) == (["zero"], 2)
    assert "<svg" in Path("it.svg").read_text()
    assert load_identification("it").sentence == found["sentence"]
    refused = {
        "`--task` must be one of .* Did you mean 'linear-regression'": (*words[:3], "linear-regresion"),
        "`--task` must say what prompts": words[:2],
        "`--figure` must end in": (*words, "--figure", "it.doc"),
        "`--ridge.penalty` must be two numbers": (*words, "--ridge.penalty", "2", "1"),
        "a candidate for prompts must be one of .* Did you mean 'ridge'": (*words, "--candidates", "rigde"),
        "got 'induction'. That one is for sequences": (*words, "--candidates", "induction"),
        "ZeroDivisionError.*kept in mesascope-question": ("identify", "mine_to_identify:broken", *words[2:]),
        "must name an object that can be imported": ("identify", "mine_to_identify:absent", *words[2:]),
        "can be imported; .*ZeroDivisionError": ("identify", "broken_at_import:f", *words[2:]),
        "a_folder needs the extra `huggingface`: pip install": ("identify", "a_folder", *words[2:]),
    }
    Path("a_folder").mkdir()
    monkeypatch.setitem(extras.EXTRAS, "huggingface", ("not-a-package-of-anybody",))
    for message, line in refused.items():
        assert_refused(capsys, cli(*line), message)
    assert list(load_arrays(Path("mesascope-question.safetensors"))[0]) == ["queries", "xs", "ys"]


def test_candidates_and_tasks_are_listed(cli, capsys):
    for command, name in (("candidates", "ridge"), ("tasks", "linear-regression")):
        assert cli(command, "--json") == 0
        assert name in [entry[command[:-1]] for entry in json.loads(capsys.readouterr().out)[command]]
        assert cli(command) == 0
        assert name in capsys.readouterr().out


def test_names_of_candidates_are_whole_on_a_narrow_screen(cli, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli("candidates") == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:3].strip()}
    assert {"least-squares-with-intercept", "newton-schulz-fixed-scale", "recursive-least-squares"} <= listed
