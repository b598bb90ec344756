"""What importing the package does, what it exports, and how its files are kept."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mesascope

SOURCE = Path(mesascope.__file__).parent
FILES = [pytest.param(path, id=str(path.relative_to(SOURCE))) for path in sorted(SOURCE.rglob("*.py"))]
HEAVY = ("jax", "equinox", "optax", "numpy", "matplotlib")


@pytest.mark.parametrize("statement", ["import mesascope", "import mesascope.cli", "dir(__import__('mesascope'))"])
def test_importing_loads_nothing_heavy(statement):
    code = f"import sys; {statement}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", mesascope.__all__)
def test_every_exported_name_is_there(name):
    assert getattr(mesascope, name) is not None
    assert name in dir(mesascope)


def test_exports_are_listed_once_and_all_of_them_have_a_home():
    assert sorted(mesascope.__all__) == sorted(mesascope._HOMES)
    assert mesascope.__version__


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        mesascope.nonsense  # noqa: B018


@pytest.mark.parametrize("path", FILES)
def test_a_file_stays_under_300_lines(path):
    assert len(path.read_text().splitlines()) <= 300


def undocumented(node, inherited):
    """Public classes and functions without a docstring; methods that implement an inherited one need none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            method = isinstance(node, ast.ClassDef) and isinstance(child, ast.FunctionDef)
            if ast.get_docstring(child) is None and not (method and inherited):
                yield child.name
            if isinstance(child, ast.ClassDef):
                yield from undocumented(child, bool(child.bases))


@pytest.mark.parametrize("path", FILES)
def test_modules_and_what_is_public_in_them_have_a_docstring(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    assert list(undocumented(tree, False)) == []
