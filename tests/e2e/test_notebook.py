"""What a notebook shows of results."""

import base64
import re
import struct
from pathlib import Path

import pytest

import mesascope

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.slow

CELLS = (
    "import jax, mesascope as ms\n"
    "task = ms.LinearRegression(num_examples=4, dim_x=2)\n"
    "model = ms.Transformer.initialise(dim_x=2, key=jax.random.key(0))\n"
    "trained = ms.fit(model, task, ms.FitConfig(num_steps=3, batch_size=8, chunk_size=3), key=jax.random.key(1))\n"
    "trained",
    "ms.alignment(trained.model, ms.Ridge(0.1), task.sample(jax.random.key(2)))",
    "ms.Store('runs')",
    "result = ms.study('fake2099-fig1', seconds=2.6, seeds=2).run()\nresult",
    "result.figures(width=8.5)['doubles']",
    "ms.compare(trained.model, {'zero': ms.ZeroPredictor()}, task, key=jax.random.key(3), num_prompts=4)",
)


def outputs_in(folder):
    """What each cell shows, and what it says on standard error."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    source, fakes = Path(mesascope.__file__).parents[1], Path(__file__).parents[1] / "fake_studies"
    before = f"import os, sys\nos.environ['MESASCOPE_STUDIES'] = {str(fakes)!r}\nsys.path.insert(0, {str(source)!r})"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}}).execute()
    of_cells = [cell.outputs for cell in notebook.cells[1:]]
    shown = [[each["data"] for each in found if "data" in each] for found in of_cells]
    assert [len(each) for each in shown] == [1] * len(CELLS)  # none is shown twice
    said = ["".join(each["text"] for each in found if each.get("name") == "stderr") for found in of_cells]
    return [found for (found,) in shown], said


def test_a_notebook_shows_what_results_hold_in_the_style_of_a_page(tmp_path):
    """One notebook, run once."""
    shown, said = outputs_in(tmp_path)
    results_print_what_they_hold_and_no_address(shown)
    assert said == ["", "", "", said_of_study(1) + said_of_study(2), "", ""]  # what takes more than a second
    a_study_shows_its_figures_as_pictures_of_a_page_s_width(shown)
    a_figure_by_itself_is_shown_and_a_comparison_as_its_table(shown)


def said_of_study(part):
    return f"fake2099-fig1, part {part} ({part} of 2)\n"


def results_print_what_they_hold_and_no_address(shown):
    plain = [each["text/plain"] for each in shown]
    assert not any(re.search("0x[0-9a-f]{6}", text) for text in plain)
    assert re.fullmatch(r"Trained\(Transformer, 3 steps, last training loss [\d.]+\)", plain[0])
    assert re.fullmatch(r"Alignment\((\w+=-?[\d.]+(e-\d+)?(, )?){3}\)", plain[1])
    assert plain[2] == "Store('runs', 0 results)"


def a_study_shows_its_figures_as_pictures_of_a_page_s_width(shown):
    page = shown[3]["text/html"]
    assert page.startswith("<pre>fake2099-fig1, preset custom")
    ((width, data),) = re.findall(r'<img alt="doubles" width="(\d+)" src="data:image/png;base64,([^"]+)">', page)
    size = struct.unpack(">I", base64.b64decode(data)[16:20])[0]
    assert (int(width), size) == (643, 1338)


def a_figure_by_itself_is_shown_and_a_comparison_as_its_table(shown):
    *_, figure, comparison = shown
    assert re.match(r'<img alt="doubles" width="321" src="data:image/png;base64,', figure["text/html"])
    assert comparison["text/html"].startswith("<pre>means over 4 prompts")
    assert "\x1b" not in comparison["text/plain"]
    assert re.search("zero .*cosine|cosine.*\n.*zero", comparison["text/plain"], re.DOTALL)
