"""What the documents show runs as it stands."""

import ast
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mesascope.studies
from mesascope.studies import find_study, study_names

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NEEDED = {  # the package of an extra that an example is about
    "identify_garg_layout.py": "transformers",
    "identify_sklearn.py": "sklearn",
    "identify_torch.py": "torch",
}


def python_blocks(name):
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)


def test_the_examples_are_short():
    assert [path.name for path in EXAMPLES if len(path.read_text().splitlines()) > 60] == []


def test_the_examples_run(tmp_path):
    """One after the other, in a process that is none of the tests'."""
    check_they_run([path for path in EXAMPLES if path.name not in NEEDED], tmp_path)


@pytest.mark.parametrize("name", NEEDED)
def test_an_example_of_an_extra_runs(name, tmp_path):
    pytest.importorskip(NEEDED[name])
    check_they_run([ROOT / "examples" / name], tmp_path)


def check_they_run(examples, folder):
    """Compiled as a user's program is, since they train; each has something to say."""
    run_each = (
        "import runpy, sys\nfor path in sys.argv[1:]:\n    print(path), runpy.run_path(path, run_name='__main__')"
    )
    command = [sys.executable, "-c", run_each, *map(str, examples)]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    finished = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, env=environment)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert len(finished.stdout.splitlines()) >= 2 * len(examples) > 0


def test_the_page_on_precision_shows_what_is_computed():
    """In single precision, as a user's program starts."""
    command = [sys.executable, "-m", "doctest", "-o", "IGNORE_EXCEPTION_DETAIL", str(ROOT / "docs" / "precision.md")]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_readme_s_python_is_short():
    """`make installed` runs it."""
    blocks = python_blocks("README.md")
    assert len(blocks) == 2
    assert max(len(block.strip().splitlines()) for block in blocks) <= 15


def test_the_readme_names_every_study_and_command():
    text = (ROOT / "README.md").read_text()
    missing = [word for word in (*study_names(), "make identify", "make reproduce", "make test") if word not in text]
    assert not missing


def test_every_criterion_that_changed_is_logged_with_its_reason():
    kept = json.loads((ROOT / "docs" / "criteria.json").read_text())
    now = {(name, claim.id): claim.criterion for name in study_names() for claim in find_study(name).claims}
    last = {(study, claim): of[-1]["criterion"] for study, claims in kept.items() for claim, of in claims.items()}
    assert {of: criterion for of, criterion in last.items() if criterion != "withdrawn"} == now
    assert all(each["reason"] for claims in kept.values() for history in claims.values() for each in history[1:])


def defined_in(block):
    before = {"__name__": "mesascope.studies.example2099.ridge"}
    namespace = dict(before)
    exec(block, namespace)
    return [value for value in namespace.values() if isinstance(value, type) and value.__module__ == before["__name__"]]


def worked(part):
    """The file that a page on how to add a part shows."""
    block, *_ = python_blocks(f"docs/site/extend/{part}.md")
    assert ast.get_docstring(ast.parse(block))  # as every file must have one
    return block


def test_the_worked_task_and_algorithm_are_whole(key):
    task_block, algorithm_block = worked("task"), worked("algorithm")
    (task,), (algorithm,) = (
        cls.examples() if i == 0 else cls.examples()[:1]
        for i, cls in enumerate([defined_in(task_block)[0], defined_in(algorithm_block)[0]])
    )
    prompt = task.sample(key)
    assert algorithm(prompt).shape == prompt.target.shape
    weights = algorithm.weights(prompt)
    xs, ys = np.asarray(prompt.xs), np.asarray(prompt.ys)
    np.testing.assert_allclose(weights, ys.T @ xs / prompt.num_examples, rtol=1e-12, atol=1e-12)


def test_the_study_that_is_shown_holds_what_it_is_said_to_hold():
    text = (ROOT / "docs" / "site" / "extend" / "study.md").read_text()
    folder = ROOT / re.search(r"`(src/mesascope/studies/\w+/\w+/)`", text)[1]
    rows = re.findall(r"^\| `(\w+\.py)` \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    assert {file for file, _ in rows} == {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    names = [(file, name) for file, example in rows for name in re.findall(r"`(\w+)`", example)]
    assert len(names) > len(rows)
    missing = [
        (file, name) for file, name in names if not re.search(rf"(class|def) {name}\b", (folder / file).read_text())
    ]
    assert missing == []


def test_the_worked_study_reaches_its_verdict(monkeypatch, tmp_path):
    """As a file of its own, found by its place."""
    (tmp_path / "example2099").mkdir()
    (tmp_path / "example2099" / "__init__.py").touch()
    (tmp_path / "example2099" / "ridge.py").write_text(worked("study"))
    monkeypatch.setattr(mesascope.studies, "__path__", [*mesascope.studies.__path__, str(tmp_path)])
    study = mesascope.studies.find_study("example2099-ridge")
    assert len(study.preset("smoke").cells()) == 2
    result = study.preset("quick").run()
    assert result.verdicts[0].outcome == "reproduced"
    assert list(result.figures()) == ["distance"]


def test_criteria_that_were_only_reworded_stand_in_their_newest_words():
    without_rewordings = runpy.run_path(str(ROOT / "docs" / "write_criteria.py"))["without_rewordings"]
    first = {"criterion": "gap: at most 1 (every seed)", "statement": "Near."}
    stricter = {"criterion": "gap: at most .5 (every seed)", "statement": "Near.", "known": "2", "reason": "Stricter."}
    again = {**stricter, "criterion": "the gap: at most .5 (every seed)", "reason": "reworded"}
    assert without_rewordings([first, stricter, again]) == [first, {**stricter, "criterion": again["criterion"]}]
