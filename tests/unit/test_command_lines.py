"""Whatever the words of a command line are, it ends with 0, 1 or 2, and a refusal is told of. Nothing is computed."""

import contextlib
import dataclasses
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mesascope.studies
from mesascope.cli import main
from mesascope.cli.arguments import COMMANDS
from mesascope.cli.running import planned
from mesascope.studies import find_study

FAKES = str(Path(__file__).parents[1] / "fake_studies")
FAKE = "fake2099-fig1"
STUDIES = ("oswald2023-fig2", "sander2024-fig7-heads")
QUICKLY = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

a_number = st.one_of(
    st.integers().map(str),
    st.integers(min_value=0, max_value=40).map(lambda digits: str(10**digits)),
    st.floats().map(str),
    st.sampled_from(["0", "-1", str(2**31), str(2**32 - 1), str(2**32), "9" * 5000, "1e3", "0x1", "1_0"]),
)
a_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
a_value = st.one_of(a_number, a_text, st.sampled_from(["x" * 300, "smoke", "paper", "runs", ".", "/dev/null", FAKE]))


def options_of(command: str, studies: tuple[str, ...]) -> list[str]:
    """Every option of a command and of the studies it is for."""
    classes = [COMMANDS[command], *map(find_study, set(studies))]
    names = {field.name for each in classes for field in dataclasses.fields(each)} - {"studies", "study", "shell"}
    return sorted(f"--{name.replace('_', '-')}" for name in names)


@st.composite
def lines(draw):
    """A command, names, and options of its own or others, with values that fit and values that do not."""
    command = draw(st.sampled_from(sorted(COMMANDS)))
    studies = draw(st.lists(st.just(FAKE), max_size=2)) if command in ("run", "export", "show") else []
    known = options_of(command, tuple(studies)) if command in ("run", "export") else options_of(command, ())
    words = [command, *studies]
    for option in draw(st.lists(st.one_of(st.sampled_from([*known, "--help", "-h"]), a_text), max_size=3)):
        values = draw(st.lists(a_value, max_size=2))
        words += [f"{option}={values[0]}"] if values and draw(st.booleans()) else [option, *values]
    return words


@pytest.fixture
def code_and_messages(monkeypatch, tmp_path, as_installed):
    """Runs a command line whose studies are planned and not computed, in a directory of its own."""
    monkeypatch.setattr("mesascope.cli.running.run", lambda request: len(planned(request.studies)) and 0)
    monkeypatch.chdir(tmp_path)

    def ends_in(words):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return main(words), out.getvalue(), err.getvalue()

    return ends_in


@pytest.fixture
def only_the_fake(monkeypatch):
    """One study there is, so that a list of all takes no time."""
    monkeypatch.setattr(mesascope.studies, "__path__", [FAKES])


@QUICKLY
@given(words=lines())
def test_every_line_ends_with_an_answer_or_a_sentence(code_and_messages, only_the_fake, words):
    code, out, err = code_and_messages(words)
    assert code in (0, 1, 2)
    assert "Traceback" not in out + err
    assert bool(err) == (code == 2)


SETTINGS = [(study, field.name) for study in STUDIES for field in dataclasses.fields(find_study(study))]


@QUICKLY
@given(setting=st.sampled_from(SETTINGS), values=st.lists(a_number, min_size=1, max_size=3))
def test_every_number_is_a_setting_or_refused_in_a_sentence(code_and_messages, setting, values):
    study, name = setting
    line = ["run", study, "--preset", "smoke", f"--{name.replace('_', '-')}", *values]
    code, out, err = code_and_messages(line)
    assert (code, out) in ((0, ""), (2, ""))
    assert bool(err) == (code == 2)
    assert err.count("\n") <= 1 or err.startswith(("╭", " "))  # a sentence, or the frame around one
