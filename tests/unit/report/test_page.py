"""The page: what is markup in a study's words is text, sections are assembled once each, headings are in order."""

import itertools
import re
from html.parser import HTMLParser

import pytest

import mesascope.studies
from mesascope.report.page.provenance import origin
from mesascope.report.page.section import Contents, Entry, Section, with_code

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

from pathlib import Path

from mesascope.report.page import whole
from mesascope.studies import find_study

HOSTILE = str(Path(__file__).parents[2] / "hostile_studies")
VOID = {"meta", "link", "br", "img", "input"}
PROVENANCE = {
    **{"finished": "2099-01-01T00:00:00+00:00", "seconds": 1.5, "compile_seconds": 0.5, "platform": "<i>Plan 9</i>"},
    **{"versions": {"jax": "<b>1</b>", "optax": None}, "num_cpus": 2, "device": "cpu", "commit": None},
}


@pytest.fixture(scope="module")
def contents():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mesascope.studies, "__path__", [HOSTILE])
        study = find_study("fake2098-markup")()
    entry = Entry(study, study.run(), (("a <cell>", PROVENANCE),), "mesascope run '<x>'")
    return Contents("quick", (entry,), {"another-study": "Not <b>stored</b>."}, {})


@pytest.fixture(scope="module")
def page(contents):
    return whole.page("A <title>", whole.lead(contents), whole.sections(contents))


class Elements(HTMLParser):
    """Elements, their attributes, and the texts of scripts; every element that opens closes."""

    def __init__(self):
        super().__init__()
        self.open, self.found, self.texts = [], [], {}

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] in ("svg", "path") and tag != self.open[-1]:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


@pytest.fixture(scope="module")
def elements(page):
    parser = Elements()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_words_of_a_study_are_text_wherever_they_stand(page, elements):
    for tag, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert tag != "b"
    assert [attributes["src"][:15] for tag, attributes in elements.found if tag == "img"] == ["data:image/png;"]
    assert not any("broken" in text for text in elements.texts["script"] if '"data"' not in text)
    shown = "".join(text for tag, texts in elements.texts.items() if tag not in ("script", "style") for text in texts)
    for words in ("A title with <script>window.broken = 1</script>", "<img src=x onerror='window.broken = 1'>"):
        assert words in shown
    assert "Is </script><script>window.broken = 1</script> shown as text?" in shown
    assert "<i>Plan 9</i>" in shown


def test_there_is_one_h1_and_no_level_is_left_out(elements):
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_links_lead_somewhere_on_the_page_and_nowhere_else(elements):
    anchors = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    for tag, attributes in elements.found:
        link = attributes.get("href", attributes.get("src"))
        assert link is None or link.startswith("data:") or link == "#" or link.removeprefix("#") in anchors, (tag, link)


def test_every_table_head_has_a_scope_and_every_picture_words(elements):
    assert all("scope" in attributes for tag, attributes in elements.found if tag == "th")
    assert all(attributes.get("alt") for tag, attributes in elements.found if tag == "img")


def test_failures_missing_studies_and_models_are_told(page):
    assert "✗" in page
    assert "another-study" in page
    assert "Not &lt;b&gt;stored&lt;/b&gt;." in page
    assert "A model &lt;img" in page
    assert "1 study at preset quick: 1 of 2 claims reproduced, 1 not reproduced." in page


def test_a_section_of_anybody_brings_its_own_styles_and_scripts_once(contents):
    extra = Section("bench", "A bench", "<p>here</p>", styles=("p{color:red}",), scripts=("'</script>'",), plotly=False)
    page = whole.page("t", "l", [extra, extra._replace(anchor="again")])
    assert page.startswith(whole.MARK)
    assert page.count("p{color:red}") == 1
    assert page.count(r"'<\/script>'") == 1
    assert page.count("<p>here</p>") == 2
    assert 'id="plotly-gzip"' not in page


def test_cells_that_came_about_alike_are_told_once():
    told = origin([("a", PROVENANCE), ("b", {**PROVENANCE, "finished": "2100-01-01", "versions": {"jax": "2"}})])
    assert told["Finished"] == "2099-01-01T00:00:00+00:00 to 2100-01-01"
    assert told["Machine"] == "<i>Plan 9</i>, 2 cores, cpu"
    assert told["Versions"] == "jax <b>1</b>; jax 2"
    assert told["Time"] == "3.0 s in all cells, 1.0 s of it compiling"
    assert "Commit" not in told


def test_code_is_marked_and_escaped():
    assert with_code("a `b<c>` <d> `e") == "a <code>b&lt;c&gt;</code> &lt;d&gt; `e"


def test_the_page_is_the_same_for_the_same_results(contents, page):
    assert whole.page("A <title>", whole.lead(contents), whole.sections(contents)) == page
