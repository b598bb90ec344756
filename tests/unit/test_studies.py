"""What every discovered study owes its users, and its smoke preset from end to end."""

import dataclasses
import io
import json

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

from mesascope.extras import ExtraError
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy, Cell
from mesascope.study.claim import Outcome

# What one study's tests share is computed once: they go to one worker (--dist loadgroup).
STUDIES = [pytest.param(find_study(name), id=name, marks=pytest.mark.xdist_group(name)) for name in study_names()]
EVERY_STUDY = pytest.mark.parametrize("study", STUDIES)
EVERY_PRESET = pytest.mark.parametrize("preset", ["smoke", "quick", "paper"])


@pytest.fixture(scope="module", params=STUDIES)
def result(request):
    """The smoke preset, run in memory and in single precision, as users run it."""
    calls = []
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        try:
            result = request.param.preset("smoke").run(report=lambda *call: calls.append(call))
        except ExtraError as error:
            pytest.skip(f"{request.param.name()} {error}")
    assert calls
    assert all(0 < done <= total for done, total, _ in calls)
    return result


@EVERY_STUDY
def test_a_study_says_what_it_is(study):
    assert issubclass(study, AbstractStudy)
    for text in (study.title, study.source, study.__doc__):
        assert text.strip()
    assert find_study(study.name()) is study


@EVERY_STUDY
def test_claims_have_names_of_their_own_and_all_their_parts(study):
    assert study.claims
    assert len({claim.id for claim in study.claims}) == len(study.claims)
    for claim in study.claims:
        assert claim.relation in ("at most", "at least")
        assert all(text.strip() for text in (claim.id, claim.statement, claim.quantity, claim.criterion))


@EVERY_STUDY
@EVERY_PRESET
def test_presets_know_their_name_and_their_cells_have_keys_of_their_own(study, preset):
    made = study.preset(preset)
    assert made.preset_name == preset
    cells = made.cells()
    assert cells
    assert len({cell.key(study.name()) for cell in cells}) == len(cells)
    assert len({cell.label for cell in cells}) == len(cells)
    assert [cell.key(study.name()) for cell in study.preset(preset).cells()] == [c.key(study.name()) for c in cells]


@EVERY_STUDY
def test_quick_is_the_default_preset(study):
    assert study.preset() == study.preset("quick")
    changed = study.preset("smoke", seeds=97)
    assert (changed.seeds, changed.preset_name) == (97, "custom")


@EVERY_STUDY
def test_an_unknown_preset_is_refused(study):
    with pytest.raises(ValueError, match="`preset` must be one of smoke, quick, paper; got 'huge'"):
        study.preset("huge")


@EVERY_STUDY
def test_impossible_settings_are_refused_by_name(study):
    """Every whole number among the fields but a seed is a count."""
    names = [each.name for each in dataclasses.fields(study) if each.type in (int, "int") and each.name != "first_seed"]
    assert "seeds" in names
    for name in names:
        with pytest.raises(ValueError, match="must be an integer of at least 1"):
            study.preset("smoke", **{name: 0})


@EVERY_STUDY
def test_every_number_among_the_fields_matters(study):
    """Doubled, it changes what some cell computes, or is refused for what the others are."""
    plain = study.preset("smoke")
    keys = {cell.key(study.name()) for cell in plain.cells()}
    for each in dataclasses.fields(study):
        if each.type in (int, "int", float, "float"):
            try:
                changed = study.preset("smoke", **{each.name: 2 * getattr(plain, each.name) or 1})
            except ValueError:
                continue
            assert {cell.key(study.name()) for cell in changed.cells()} != keys, each.name


def test_a_cells_key_is_its_study_and_all_of_its_configuration():
    cells = (Cell("a", (1, 2)), Cell("a", (1, 3)))
    assert len({cell.key(study) for cell in cells for study in ("one", "other")}) == 4
    assert Cell("a", (1, 2)).key("one") == Cell("another label", (1, 2)).key("one")


def test_an_unknown_study_is_refused_with_the_nearest_name():
    name = study_names()[0]
    with pytest.raises(ValueError, match=f"Did you mean '{name}'"):
        find_study(name + "x")


def test_every_claim_gets_one_verdict_in_order(result):
    assert [verdict.claim for verdict in result.verdicts] == list(result.study.claims)
    assert all(isinstance(verdict.outcome, Outcome) for verdict in result.verdicts)
    assert result.reproduced == all(verdict.outcome is Outcome.REPRODUCED for verdict in result.verdicts)


def test_a_result_is_json(result):
    data = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert data["study"] == result.study.name()
    assert data["preset"] == "smoke"
    assert [claim["id"] for claim in data["claims"]] == [claim.id for claim in result.study.claims]
    assert {claim["verdict"] for claim in data["claims"]} <= {str(outcome) for outcome in Outcome}
    assert all(isinstance(note, str) for note in data["notes"])


def test_a_result_reads_as_text(result):
    text = repr(result)
    assert text.startswith(f"{result.study.name()}, preset smoke")
    assert all(claim.id in text for claim in result.study.claims)


def test_figures_are_drawn(result):
    figures = result.figures()
    assert figures
    assert all(isinstance(figure, Figure) and figure.axes for figure in figures.values())
    page = result._repr_html_()
    assert page.count("<svg") == len(figures)


def test_a_run_that_diverged_everywhere_is_judged_and_drawn(result):
    """Arrays full of nan must end as verdicts, never as a crash."""
    lost = jax.tree.map(lambda a: np.full_like(a, np.nan) if np.issubdtype(a.dtype, np.floating) else a, result.summary)
    verdicts = result.study.verdicts(lost)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.NOT_REPRODUCED] * len(verdicts)
    assert all(isinstance(note, str) for note in result.study.notes(lost))
    for figure in result.study.figures(lost).values():
        figure.savefig(io.BytesIO())
