"""A study is a file or a folder that nothing else names."""

import ast
from pathlib import Path

import mesascope
import mesascope.studies

SOURCE = Path(mesascope.__file__).parent


def test_no_other_part_writes_a_studys_name():
    """That no file imports one is a contract of the linter's."""
    for folder in ("cli", "report", "runs", "study", "sweep"):
        text = "".join(path.read_text() for path in (SOURCE / folder).rglob("*.py"))
        assert [name for name in mesascope.studies.study_names() if name in text] == []


def test_functions_are_short():
    """At most 40 lines of code, docstrings not counted."""
    long = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                if node.end_lineno - body[0].lineno >= 40:
                    long.append(f"{path.relative_to(SOURCE)}: {node.name}")
    assert long == []
