"""The documentation site: every block runs, every link leads somewhere, and the built pages work from disk."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mesascope as ms
from chromium import launched
from mesascope.studies import study_names

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"
BUILT = SITE / "_build" / "html"
GENERATED = ("reference", "studies")  # written by every build
PAGES = [ROOT / "docs" / "index.md", *sorted(SITE.glob("*.md")), *sorted(SITE.glob("*/*.md"))]
PAGES = [page for page in PAGES if page.parent.name not in GENERATED]
FOLDERS = sorted({page.parent for page in PAGES})


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_pages_show_runs_and_prints_what_is_shown(folder):
    """In single precision, as a user's program starts; folders apart, so that they can run side by side."""
    if folder == SITE:
        pytest.importorskip("torch")
    pages = [str(page) for page in PAGES if page.parent == folder]
    command = [sys.executable, str(ROOT / "tests" / "run_pages.py"), *pages]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment())
    assert finished.returncode == 0, finished.stdout + finished.stderr


def environment():
    """A process of its own finds the package where this one did."""
    source = str(Path(ms.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}


def test_only_what_installs_is_not_run():
    """Blocks of a shell are commands of make and pip; all else on a page is run, included, or shown as output."""
    kinds, shell = set(), []
    for page in PAGES:
        for language, text in re.findall(r"^```([^`\n]+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            kinds.add(language.split("}")[0].strip("{"))
            shell += [line.split()[0] for line in text.splitlines() if language == "sh"]
    assert kinds <= {"python", "console", "text", "sh", "toctree", "literalinclude"}
    assert set(shell) <= {"make", "pip"}


def test_links_to_files_of_the_repository_lead_to_one():
    """Those to pages that a build writes are checked by the build."""
    broken = []
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "README.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            path = (page.parent / target).resolve()
            of_a_build = path.parent.parent == SITE and path.parent.name in GENERATED
            if not (target.startswith("http") or of_a_build or path.exists()):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_every_science_page_names_its_test_and_study():
    for page in set((SITE / "science").glob("*.md")) - {SITE / "science" / "index.md"}:
        text = page.read_text()
        assert "](../../../tests/" in text, page
        assert "](../studies/" in text or page.name == "best-step.md", page


def test_a_docstring_is_shown_as_it_stands(monkeypatch):
    """Whatever of it is markup elsewhere; lines that are indented stay lines."""
    core = pytest.importorskip("docutils.core")
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(SITE / "extensions"))
    from docstring_text import as_rst

    text = "W_0 |x_|^2, x_i^* and `code`s, *of\n2* N\\M.\n\n    a_ = |b|*\n    c = `d`\n\n- an item_\n  of two lines"
    shown = "W_0 |x_|^2, x_i^* and codes, *of\n2* N\\M.\n\na_ = |b|*\nc = `d`\n\nan item_\nof two lines"
    assert core.publish_doctree(as_rst(text)).astext() == shown


@pytest.mark.slow
def test_the_built_pages_work_from_disk():
    """No request leaves the disk, nothing is logged as an error; search, studies and formulas work."""
    pytest.importorskip("sphinx")
    build()
    with launched() as browser:
        page = browser.new_page()
        outside, errors = [], []
        page.on("request", lambda request: outside.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        search_finds_a_study(page)
        a_formula_is_drawn(page)
        every_public_name_is_told_of(page)
    assert [url for url in outside if not url.startswith(("file:", "data:"))] == []
    assert errors == []


def build():
    """As `make docs` does, where it was not done yet; warnings are errors."""
    if not (BUILT / "index.html").exists():
        command = [sys.executable, str(SITE / "build.py")]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert finished.returncode == 0, finished.stdout + finished.stderr


def search_finds_a_study(page):
    page.goto((BUILT / "index.html").as_uri())
    page.locator("input[name=q]").first.fill("dampened")
    page.keyboard.press("Enter")
    page.locator("#search-results a", has_text="oswald2023-fig10-rollout").first.click()
    assert page.locator("h1").inner_text().startswith("oswald2023-fig10-rollout")
    assert page.locator("h2", has_text="Claims").count() == 1


def a_formula_is_drawn(page):
    """With the font that was copied, by which a bracket grows around a fraction."""
    page.goto((BUILT / "index.html").as_uri())
    page.get_by_role("link", name="The science").first.click()
    page.get_by_role("link", name="The best step").first.click()
    formula = page.locator(".formula math").first
    assert formula.bounding_box()["height"] > 30
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px \"STIX Two Math\"'))")
    assert page.locator("math").count() > 20


def every_public_name_is_told_of(page):
    told = set()
    for group in (BUILT / "site" / "reference").glob("*.html"):
        page.goto(group.as_uri())
        told |= set(page.evaluate("Array.from(document.querySelectorAll('dt[id]'), each => each.id)"))
    assert {f"mesascope.{name}" for name in ms.__all__} <= told
    page.goto((BUILT / "site" / "studies" / "index.html").as_uri())
    listed = page.locator("table").first.inner_text()
    assert [name for name in study_names() if name not in listed] == []
