"""A study is one file that nothing else names."""

import ast
from pathlib import Path

import pytest

import mesascope
import mesascope.studies

SOURCE = Path(mesascope.__file__).parent
STUDIES = {f"mesascope.studies.{name.replace('-', '_')}" for name in mesascope.studies.study_names()}


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_imports_a_study_by_name(path):
    assert not STUDIES & set(imported_modules(path))


@pytest.mark.parametrize("folder", ["cli", "report", "runs"])
def test_no_other_part_writes_a_study_s_name(folder):
    text = "".join(path.read_text() for path in (SOURCE / folder).rglob("*.py"))
    assert not [name for name in mesascope.studies.study_names() if name in text]


def test_a_study_stays_under_150_lines():
    lengths = {
        name: len((SOURCE / f"{name.split('.', 1)[1].replace('.', '/')}.py").read_text().splitlines())
        for name in STUDIES
    }
    assert all(length <= 150 for length in lengths.values()), lengths
