"""What every discovered study owes its users, and its smoke preset from end to end."""

import dataclasses
import itertools
import json
import os
import re
import types
from pathlib import Path

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mesascope.configuration import describe
from mesascope.extras import ExtraError
from mesascope.runs.store import Store
from mesascope.studies import find_study, study_names
from mesascope.study import cell as framework
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import AbstractConfig, Cell, place
from mesascope.study.claim import PRESETS, Outcome

STUDIES = [find_study(name) for name in study_names()]


@pytest.fixture(scope="module", params=[pytest.param(each, id=each.name()) for each in STUDIES])
def result(request):
    """The smoke preset in single precision, as users run it: in memory, or read where the wheel's run has left it."""
    calls, ran_before = [], os.environ.get("MESASCOPE_SMOKE_RUNS")
    store = Store(Path(ran_before)) if ran_before else None
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        try:
            study = request.param.preset("smoke")
            result = study.run(store, report=lambda *call: calls.append(call))
        except ExtraError as error:
            pytest.skip(f"{request.param.name()} {error}")
    assert calls or ran_before
    assert all(0 < done <= total for done, total, _ in calls)
    return study, result


def keys(study):
    return [cell.key for cell in study.placed()]


def test_studies_say_what_they_are_and_claims_have_all_their_parts():
    for study in STUDIES:
        assert issubclass(study, AbstractStudy)
        assert all(text.strip() for text in (study.title, study.source, study.__doc__))
        assert find_study(study.name()) is study
        assert len({claim.id for claim in study.claims}) == len(study.claims) > 0
        for claim in study.claims:
            assert claim.relation in ("at most", "at least")
            assert claim.decided_by in PRESETS[1:]
            assert all(text.strip() for text in (claim.id, claim.statement, claim.quantity, claim.criterion))


def test_every_study_decides_something_at_preset_quick():
    assert [study.name() for study in STUDIES if all(claim.decided_by == "paper" for claim in study.claims)] == []


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_know_their_name_and_their_cells_have_keys_of_their_own(preset):
    for study in STUDIES:
        made = study.preset(preset)
        assert made.preset_name == preset
        assert all(isinstance(cell.config, AbstractConfig) for cell in made.cells())
        cells = made.placed()
        assert len({cell.key for cell in cells}) == len({cell.label for cell in cells}) == len(cells) > 0
        assert keys(study.preset(preset)) == keys(made)


def test_no_two_studies_have_a_configuration_of_the_same_name():
    homes = {}
    for study in STUDIES:
        for cell in study.preset("smoke").cells():
            homes.setdefault(type(cell.config).__name__, set()).add(type(cell.config))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_quick_is_the_default_preset_and_an_unknown_one_is_refused():
    for study in STUDIES:
        assert study.preset() == study.preset("quick")
        changed = study.preset("smoke", seeds=97)
        assert (changed.seeds, changed.preset_name) == (97, "custom")
    with pytest.raises(ValueError, match="`preset` must be one of smoke, quick, paper; got 'huge'"):
        STUDIES[0].preset("huge")


def test_impossible_settings_are_refused_by_name():
    """Every whole number among the fields but a seed is a count."""
    taken = []
    for study in STUDIES:
        fields = [each.name for each in dataclasses.fields(study) if each.type in (int, "int")]
        assert "seeds" in fields
        for name in set(fields) - {"first_seed"}:
            try:
                study.preset("smoke", **{name: 0})
            except ValueError as error:
                named = "must be an integer of at least" in str(error)
            else:
                named = False
            taken += [] if named else [f"{study.name()} {name}"]
    assert taken == []


def test_smoke_trains_at_most_300_steps():
    steps = {
        study.name(): value
        for study in STUDIES
        for name, value in dataclasses.asdict(study.preset("smoke")).items()
        if "steps" in name and isinstance(value, int) and value > 300
    }
    assert steps == {}


def test_every_number_among_the_fields_matters():
    """Doubled, it changes what some cell of preset smoke or paper computes, or is refused for what the others are."""
    idle = []
    for study in STUDIES:
        plain = {preset: keys(preset) for preset in map(study.preset, ("smoke", "paper"))}
        for each in dataclasses.fields(study):
            if each.type in (int, "int", float, "float") and not any(matters(each.name, *of) for of in plain.items()):
                idle.append(f"{study.name()} {each.name}")
    assert idle == []


def matters(name, study, its_keys):
    try:
        changed = type(study)(**{**vars(study), name: 2 * getattr(study, name) or 1})
    except ValueError:
        return True
    return keys(changed) != its_keys


def changed_numbers(value):
    """`value` again and again, each time with another number in it changed."""
    if isinstance(value, bool | str | types.FunctionType) or value is None:
        return
    if isinstance(value, int | float | np.number):
        yield value + 1
    elif isinstance(value, dict):
        yield from ({**value, key: changed} for key, inner in value.items() for changed in changed_numbers(inner))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from ([*value[:i], changed, *value[i + 1 :]] for changed in changed_numbers(inner))


def test_every_number_of_a_configuration_changes_the_key(monkeypatch):
    for study in STUDIES:
        for cell in study.preset("smoke").cells():
            plain = describe(cell.config)
            found = {place(cell, study.name(), 1, None).key}
            changes = list(changed_numbers(plain))
            for changed in changes:
                monkeypatch.setattr(framework, "describe", lambda _, changed=changed: changed)
                found.add(place(cell, study.name(), 1, None).key)
                monkeypatch.undo()
            assert len(found) == 1 + len(changes), cell


class Counting(AbstractConfig):
    """Two numbers."""

    first: int
    second: int

    def compute(self, workspace):
        return {}


def test_a_cells_key_is_its_study_and_all_of_its_configuration():
    cells = (Cell("a", Counting(1, 2)), Cell("a", Counting(1, 3)))
    assert len({place(cell, study, 1, None).key for cell in cells for study in ("one", "other")}) == 4
    assert place(cells[0], "one", 1, None).key == place(Cell("b", Counting(1, 2)), "one", 2, "told").key


def test_an_unknown_study_is_refused_with_the_nearest_name():
    name = study_names()[0]
    with pytest.raises(ValueError, match=f"Did you mean '{name}'"):
        find_study(name + "x")


def test_every_claim_gets_one_verdict_in_order(result):
    study, ran = result
    assert [verdict.claim for verdict in ran.verdicts] == list(study.claims)
    assert {verdict.outcome for verdict in ran.verdicts} == {Outcome.NOT_DECIDED}
    assert all(len(verdict.numbers) > 0 or verdict.claim.over == "bootstrap" for verdict in ran.verdicts)
    data = json.loads(json.dumps(ran.to_json(), allow_nan=False))
    assert (data["study"], data["preset"], data["kind"]) == (study.name(), "smoke", study.kind())
    assert [claim["id"] for claim in data["claims"]] == [claim.id for claim in study.claims]
    assert data["also_measured"].keys() == ran.others.keys()
    assert repr(ran).startswith(f"{study.name()}, preset smoke")
    assert all(verdict.sentence in repr(ran) for verdict in ran.verdicts)


def test_figures_are_drawn(result):
    """At the width of a journal's column, where it is tightest."""
    figures = result[1].figures(width=8.5)
    assert figures
    for figure in figures.values():
        assert isinstance(figure, Figure)
        assert figure.axes
        assert figure.get_figwidth() == pytest.approx(8.5 / 2.54)
        figure.draw_without_rendering()
        texts = list(shown_texts(figure))
        written = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
        assert [text.get_text() for text in written if smallest_letter(text) < 6 - 1e-9] == []
        boxes = [text.get_window_extent().padded(-1) for text in texts]
        off = [text.get_text() for text, box in zip(texts, boxes, strict=True) if not on_page(box, figure.bbox)]
        pairs = itertools.combinations(zip(texts, boxes, strict=True), 2)
        overlapping = [(one.get_text(), other.get_text()) for (one, a), (other, b) in pairs if a.overlaps(b)]
        assert (off, overlapping) == ([], [])


def smallest_letter(text):
    """In points; indices and exponents of a formula are set at seven tenths of its size."""
    of_formula = 0.7 if re.search(r"\$[^$]*[_^][^$]*\$", text.get_text()) else 1.0
    return of_formula * text.get_fontsize()


def shown_texts(figure):
    """Titles, labels of axes, entries of legends, and ticks that are in view."""
    for axes in figure.axes:
        legend = axes.get_legend()
        titles = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        yield from (text for text in [*titles, *(legend.get_texts() if legend else [])] if text.get_text())
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = (tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)
            labels = (label for tick in ticks for label in (tick.label1, tick.label2))
            yield from (label for label in labels if label.get_visible() and label.get_text())


def on_page(box, page):
    return page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1


def of_nan(leaf):
    """nan in the place of every floating number."""
    if isinstance(leaf, float) and not isinstance(leaf, np.generic):
        return np.nan
    return np.full_like(leaf, np.nan) if np.issubdtype(np.asarray(leaf).dtype, np.floating) else leaf


def test_a_run_that_diverged_everywhere_is_judged_and_drawn(result):
    """Arrays full of nan must end as verdicts, never as a crash."""
    study, ran = result
    lost = jax.tree.map(of_nan, ran.summary)
    readings = study.readings(lost)
    outcomes = {claim.id: claim.judge(readings[claim.id]).outcome for claim in study.claims}
    lost_outcomes = (Outcome.NOT_REPRODUCED, Outcome.NOT_MEASURED)
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in lost_outcomes} == {}
    assert all(isinstance(note, str) for note in study.notes(lost))
    for figure in study.figures(lost).values():
        figure.set_layout_engine("none")  # takes half of the time, and was tried on the numbers themselves
        figure.draw_without_rendering()
