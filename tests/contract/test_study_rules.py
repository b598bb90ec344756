"""What a study's numbers depend on is in its cells' keys."""

import ast
from pathlib import Path

import mesascope.studies

ROOT = Path(mesascope.studies.__file__).parent


def holds_a_number(node):
    return any(
        isinstance(inner, ast.Constant) and isinstance(inner.value, int | float) and not isinstance(inner.value, bool)
        for inner in ast.walk(node)
    )


def computes(path, tree):
    """Whether cells may use what this file holds."""
    defines = any(
        isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).startswith(("AbstractConfig", "AbstractShared", "Training")) for base in node.bases)
        for node in tree.body
    )
    return defines or ("_shared" in path.parts and not path.stem.endswith(("panels", "readings")))


def test_no_number_that_a_cell_uses_stands_outside_of_its_configuration():
    """Every number is a field, so that the key of the result changes with it."""
    outside = []
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text())
        if computes(path.relative_to(ROOT), tree):
            outside += [
                f"{path.relative_to(ROOT)}:{node.lineno}"
                for node in tree.body
                if isinstance(node, ast.Assign | ast.AnnAssign)
                and node.value is not None
                and holds_a_number(node.value)
            ]
    assert outside == []
