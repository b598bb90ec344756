"""What importing the package does, and how its files are kept."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mesascope

SOURCE = Path(mesascope.__file__).parent
HEAVY = ("jax", "equinox", "optax", "numpy", "scipy", "matplotlib")


@pytest.mark.parametrize("statement", ["import mesascope", "import mesascope.cli", "dir(__import__('mesascope'))"])
def test_importing_loads_nothing_heavy(statement):
    code = f"import sys; {statement}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def undocumented(node, inherited=False):
    """Public classes and functions without a docstring; methods that implement an inherited one need none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            method = isinstance(node, ast.ClassDef) and isinstance(child, ast.FunctionDef)
            if ast.get_docstring(child) is None and not (method and inherited):
                yield child.name
            if isinstance(child, ast.ClassDef):
                yield from undocumented(child, bool(child.bases))


def test_files_are_short_and_what_is_public_in_them_is_documented():
    long, bare = [], []
    for path in sorted(SOURCE.rglob("*.py")):
        text, name = path.read_text(), str(path.relative_to(SOURCE))
        tree = ast.parse(text)
        if len(text.splitlines()) > 300:
            long.append(name)
        bare += [f"{name}: {what}" for what in ([] if ast.get_docstring(tree) else ["module"])]
        bare += [f"{name}: {what}" for what in undocumented(tree)]
    assert (long, bare) == ([], [])


def test_every_key_is_made_of_its_seed_in_one_place():
    """Anywhere else it would be of whichever generator JAX is set to."""
    makers = ("random.key(", "random.key)", "PRNGKey")
    found = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if any(map(path.read_text().count, makers))}
    assert found == {"random.py", "validation.py"}  # whose advice names it


def test_every_dependency_has_a_lower_bound_and_no_other():
    """`make lowest` installs these."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    needs = [*project["dependencies"], *(need for extra in project["optional-dependencies"].values() for need in extra)]
    odd = [need for need in needs if not re.fullmatch(r"[\w.-]+>=\d[\d.]*|mesascope\[[\w,]+\]", need)]
    assert odd == []
