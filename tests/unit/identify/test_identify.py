"""From a model to a verdict, with what is said, drawn, kept and refused on the way."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.arrays import UnusableFile, save_arrays
from mesascope.candidate import Candidate
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.identify.alone import controversial_prompts, layer_map
from mesascope.identify.candidates import chosen
from mesascope.identify.environments import draw
from mesascope.identify.identify import identify
from mesascope.identify.saving import load_identification
from mesascope.identify.shifts import CONDITION, shifted, shifted_sequences
from mesascope.identify.stage import BUDGETS
from mesascope.identify.verdict import Kind
from mesascope.identify.words import layer_table
from mesascope.interop.functions import FunctionSubject
from mesascope.interop.predictors import SequencePredictorSubject
from mesascope.interop.stored import StoredPredictions
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor, AbstractSequencePredictor
from mesascope.random import jit_draws
from mesascope.subject import AbstractSubject, SubjectError
from mesascope.tasks.gaussian_regression import GaussianRegression
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.teacher_pool import TeacherPool

TASK = LinearRegression(num_examples=8, dim_x=3)
NAMES = ("ridge", "gradient-descent", "zero")


@pytest.fixture(autouse=True, scope="module")
def _few_prompts():
    """As many as tell these candidates apart."""
    whole = dict(BUDGETS)
    BUDGETS["quick"] = whole["quick"]._replace(num_fit=60, num_score=80, num_queries=1)
    yield
    BUDGETS.update(whole)


def ridge(xs, ys, query):
    return query @ np.linalg.solve(xs.T @ xs + 0.3 * np.eye(xs.shape[1]), xs.T @ ys)


@pytest.fixture(scope="module")
def found():
    return identify(ridge, TASK, NAMES, key=jax.random.key(3))


def test_a_function_is_identified_with_its_parameter_and_its_scope(found):
    assert (found.verdict.kind, found.verdict.members) == (Kind.IDENTIFIED, ("ridge",))
    assert found.parameters["penalty"] == pytest.approx(0.3, rel=1e-3)
    low, high = found.choice.intervals["penalty"]
    assert low < 0.3 < high
    assert set(found.verdict.scope) == {law.law for law in found.laws}
    separations = {law.law: law.separation for law in found.laws if law.law != "in distribution"}
    (separating,) = found.verdict.separating  # the first that was found
    assert separations[separating] >= 0.1
    assert [law for law, apart in separations.items() if apart >= 0.1] == [separating]
    assert found.sentence.startswith("ridge runs ridge regression, penalty = 0.3 (")
    assert found.sentence.endswith("as an algorithm.")
    assert repr(found).startswith(found.sentence[:60])
    response = found.symmetries.response
    np.testing.assert_allclose(response.psi[5:15], 1 / (response.knots[5:15] + 0.3 / 8), rtol=0.02)


def test_the_same_key_gives_the_same_result_and_a_file_gives_it_back(found, tmp_path):
    again = identify(ridge, TASK, NAMES, key=jax.random.key(3))
    document = json.dumps(found.to_json(), allow_nan=False)
    assert json.dumps(again.to_json(), allow_nan=False) == document
    found.save(tmp_path / "found.safetensors")
    back = load_identification(tmp_path / "found.safetensors")
    assert json.dumps(back.to_json(), allow_nan=False) == document
    assert (back.verdict.kind, repr(back)) == (Kind.IDENTIFIED, repr(found))
    lines = found.to_csv().splitlines()
    assert lines[0].startswith("candidate,law,distance")
    assert len(lines) == 1 + len(found.rows) + 2 * (len(found.laws) - 1)
    assert len(found.figure(8.5).axes) == 3


def test_a_file_of_something_else_is_refused(tmp_path):
    save_arrays(tmp_path / "other", {}, {"format": "other"})
    with pytest.raises(UnusableFile, match="is no identification 2"):
        load_identification(tmp_path / "other")


def test_what_no_candidate_does_is_none_of_them_and_says_what_it_breaks():
    def nearest(xs, ys, query):
        return ys[np.argmin(((xs - query) ** 2).sum(axis=1))]

    found = identify(nearest, TASK, NAMES, key=jax.random.key(4))
    assert found.verdict.kind is Kind.NONE
    assert "does not run any of the 6 candidates and baselines" in found.sentence
    assert "Fails linearity in the query" in repr(found)
    assert "Fails query at an example" not in repr(found)


@pytest.mark.parametrize(
    ("of_ridge", "kind", "choice"),
    [
        (lambda answer: 0 * answer, Kind.IDENTIFIED, "zero"),
        (lambda answer: 0 * answer + 1, Kind.IDENTIFIED, "constant"),
        (lambda answer: 1e-30 * answer, Kind.NONE, "zero"),
        (lambda answer: 1e25 * answer, Kind.NONE, "zero"),
        (lambda answer: answer.astype(np.float16), Kind.IDENTIFIED, "ridge"),
    ],
)
def test_answers_of_any_size_and_precision_are_judged(of_ridge, kind, choice):
    square = LinearRegression(num_examples=3, dim_x=3)  # where answers are largest
    found = identify(
        lambda xs, ys, query: of_ridge(ridge(xs, ys, query)), square, ["ridge", "constant"], key=jax.random.key(5)
    )
    assert (found.verdict.kind, found.verdict.members[0]) == (kind, choice)


def test_two_candidates_that_are_one_make_a_tie():
    twin = Candidate("twin", "ridge regression under another name", Ridge, found_parameters())
    found = identify(ridge, TASK, ["ridge", twin], key=jax.random.key(5))
    assert found.verdict.kind is Kind.TIE
    assert "No prompts that were tried tell ridge and twin apart." in repr(found)


def found_parameters():
    return Ridge.candidates()[0].parameters


class BoundedRidge(AbstractPredictor):
    """As ridge regression where answers are not large."""

    penalty: Array

    def __call__(self, prompt):
        return jnp.clip(Ridge(self.penalty)(prompt), -2, 2)


def test_two_that_are_one_in_distribution_are_told_apart_by_prompts_that_are_named():
    bounded = Candidate("bounded", "ridge regression with bounded answers", BoundedRidge, found_parameters())

    def both(xs, ys, query):  # bounded less tightly: neither candidate holds under all laws
        return np.clip(ridge(xs, ys, query), -3, 3)

    found = identify(both, TASK, ["ridge", bounded], key=jax.random.key(5))
    assert found.verdict.kind is Kind.TIE
    one = identify(ridge, TASK, ["ridge", bounded], key=jax.random.key(5))  # which holds where the other one is far
    assert (one.verdict.kind, one.verdict.members) == (Kind.IDENTIFIED, ("ridge",))
    decides = next(line for line in repr(found).splitlines() if line.startswith("Prompts that would tell"))
    assert any(law in decides for law in found.verdict.separating)


def test_one_step_is_preferred_to_two_of_which_one_has_no_rate():
    names = ["gradient-descent", "gradient-descent-2-rates"]
    found = identify(GradientDescent(2.0), TASK, names, key=jax.random.key(6))
    assert (found.verdict.members, found.verdict.no_gain) == (("gradient-descent",), ("gradient-descent-2-rates",))
    assert found.sentence.startswith("GradientDescent runs one step of gradient descent, learning_rate = 2 (")


def test_every_model_is_held_against_the_baselines_and_a_pool_of_teachers_against_its_posterior():
    pool = TeacherPool(GaussianRegression(6, 2, noise_std=0.5), 3)
    names = {each.name for each in chosen(["ridge"], pool)}
    assert names == {"ridge", "zero", "constant", "mean-label", "last-label"}
    (posterior,) = (each for each in chosen(None, pool) if each.name == "pool-posterior")
    np.testing.assert_array_equal(
        posterior.predictor({"noise_std": 0.5}).pool, np.asarray(jit_draws(lambda: pool.teachers())())
    )
    assert "pool-posterior" not in {each.name for each in chosen(None, TASK)}


def test_along_sequences_a_candidate_is_tried_under_one_name():
    tried = {each.name for each in chosen(None, HaarProcess(6, 3))}
    assert {"ridge-along-sequence", "soft-induction"} <= tried
    assert not {"ridge", "nadaraya-watson"} & tried
    assert {"ridge", "nadaraya-watson"} <= {each.name for each in chosen(None, TASK)}


class Layer(AbstractPredictor):
    """Linear attention by hand: any matrix at all."""

    matrix: Array

    def __call__(self, prompt):
        return (prompt.ys.T @ prompt.xs / len(prompt.xs)) @ self.matrix.T @ prompt.query


def test_a_layer_of_any_weights_is_no_step_downhill_and_an_untrained_copy_says_so():
    """q^T A b is a gradient step with a matrix only where A has no negative eigenvalue."""
    names = ["preconditioned-step", "zero"]
    good, bad = (jnp.array([[2.0, 0.3, 0], [0.3, 1, 0], [0, 0, last]]) for last in (0.5, -2.0))
    found = identify(Layer(good), TASK, names, key=jax.random.key(7))
    assert (found.verdict.kind, found.verdict.members) == (Kind.IDENTIFIED, ("preconditioned-step",))
    assert found.untrained.delta.mean > 0.3
    assert found.untrained.choice > 0.15
    assert "An untrained copy: distance" in repr(found)
    assert identify(Layer(bad), TASK, names, key=jax.random.key(7)).verdict.kind is Kind.NONE


def test_layers_of_a_model_are_the_steps_that_it_takes():
    layers = layer_map(GradientDescent(2.0, 3), "gradient-descent", TASK, key=jax.random.key(6))
    assert layers.map.best_step.tolist() == [1, 2, 3]
    np.testing.assert_allclose(layers.filters[0].psi, 2.0, rtol=1e-3)  # one step multiplies by its rate
    assert (len(layers.filters), layers.fitted) == (3, None)
    model = GradientDescentConstruction(2.0, num_steps=3, num_examples=8, dim_x=3).build()
    stack = layer_map(model, "gradient-descent", TASK, key=jax.random.key(6))
    assert stack.fitted is not None
    assert stack.map.best_step.tolist() == [1, 2, 3]
    assert stack.fitted.best_step[-1] == 3
    assert stack.fitted.best_distance[-1] < 1e-3 < stack.fitted.best_distance[0]  # it is fitted to the last answers
    assert [column.header for column in layer_table(stack).columns][3] == "nearest step, by a fitted readout"
    late = layer_map(GradientDescent(2.0, 3), "gd-plus-plus", TASK, key=jax.random.key(6))
    assert late.map.distances.shape == (3, 5)  # from the first step on, though two are the fewest that are tried
    assert max(layers.map.best_distance) < 1e-3
    with pytest.raises(ValueError, match="must have two layers or more"):
        layer_map(ridge, "gradient-descent", TASK, key=jax.random.key(6))


def test_a_model_that_is_asked_again_answers_as_its_mean(monkeypatch):
    rng = np.random.default_rng(0)
    noisy = identify(lambda xs, ys, query: ridge(xs, ys, query) + 0.02 * rng.normal(size=1), TASK, NAMES,
                     key=jax.random.key(7))  # fmt: skip
    assert "answers the same prompt in two ways" in noisy.notes[0]
    assert noisy.verdict.members[0] == "ridge"


def test_a_slow_model_is_asked_less_and_says_so(monkeypatch):
    monkeypatch.setitem(BUDGETS, "quick", BUDGETS["quick"]._replace(seconds=1e-3))
    found = identify(ridge, TASK, NAMES, key=jax.random.key(8))
    assert "prompts were asked to fit on and as many to score, none out of distribution" in found.notes[0]
    assert [law.law for law in found.laws] == ["in distribution"]
    assert found.sentence.endswith("on this distribution.") or found.verdict.kind is not Kind.IDENTIFIED


def test_half_of_one_and_half_of_another_is_a_mixture_though_neither_is_near():
    def half(xs, ys, query):
        return (ridge(xs, ys, query) + ys[np.argmin(((xs - query) ** 2).sum(axis=1))]) / 2

    names = ["ridge", "nearest-neighbours", "nadaraya-watson", "kernel-ridge", "gradient-descent"]
    found = identify(half, TASK, names, key=jax.random.key(2))
    assert found.verdict.kind is Kind.MIXTURE
    assert set(found.mixture.weights) == {"ridge", "nearest-neighbours"}
    assert [each.mean for each in found.mixture.weights.values()] == pytest.approx([0.5, 0.5], abs=0.05)
    assert "no single candidate, but a mixture" in found.sentence


class ReadsAhead(AbstractSequencePredictor):
    def predictions(self, sequence):
        return jnp.roll(sequence.states, -1, axis=0)


class ReadsOtherQueries(AbstractSubject):
    def predictions(self, xs, ys, queries):
        return np.broadcast_to(queries.mean(axis=(1, 2))[:, None, None], (*queries.shape[:2], ys.shape[2]))


def test_a_leak_is_an_error_before_anything_else(monkeypatch):
    with pytest.raises(SubjectError, match="must not read what comes later") as error:
        identify(ReadsAhead(), HaarProcess(6, 3), ["last-value"], key=jax.random.key(9))
    assert error.value.question["states"].shape == (1, 6, 3)
    monkeypatch.setitem(BUDGETS, "quick", BUDGETS["quick"]._replace(num_queries=2))
    with pytest.raises(SubjectError, match="must not read what comes later or what others ask"):
        identify(ReadsOtherQueries(), TASK, NAMES, key=jax.random.key(9))


def test_a_task_of_other_sizes_than_the_model_is_refused_before_it_is_asked():
    zeros = np.zeros((40, 8, 3))
    stored = StoredPredictions(zeros, zeros[..., :1], zeros[:, :1], zeros[:, :1, :1])
    model = Transformer.initialise(4, num_layers=1, key=jax.random.key(0))
    knows, states = FunctionSubject(ridge), SequencePredictorSubject(ReadsAhead())
    knows.dim_x, states.dim = 4, 2
    for subject, task, told in (
        (stored, LinearRegression(num_examples=9, dim_x=3), "num_examples = 8.*got num_examples = 9"),
        (knows, TASK, "dim_x = 4.*got dim_x = 3.*--dim-x 4"),
        (model, TASK, "dim_x = 4, the size that `Transformer` takes"),
        (knows, HaarProcess(6, 3), "dim_x = 4.*got dim_x = 3"),
        (states, HaarProcess(6, 3), "dim = 2.*got dim = 3"),
        (states, TASK, "`task` must give sequences.*got LinearRegression"),
    ):
        with pytest.raises(ValueError, match=told):
            identify(subject, task, ["zero"], key=jax.random.key(0))


def test_lengths_are_counts_that_the_model_and_the_task_have():
    fixed = FunctionSubject(ridge)
    fixed.num_examples = 8
    for subject, task, lengths, told in (
        (ridge, TASK, [-3], "`lengths` must be .*-3"),
        (fixed, TASK, [4], "`lengths` must be 8, all that `ridge` takes; got 4"),
        (ReadsAhead(), HaarProcess(6, 3), [4], "`lengths` are of prompts"),
    ):
        with pytest.raises(ValueError, match=told):
            identify(subject, task, ["zero"], key=jax.random.key(0), lengths=lengths)


def test_one_neighbour_is_the_nearest_and_its_count_is_of_no_steps():
    def nearest(xs, ys, query):
        return ys[np.argmin(((xs - query) ** 2).sum(axis=1))]

    found = identify(nearest, TASK, ["nearest-neighbours"], key=jax.random.key(2))
    assert found.sentence.startswith("nearest runs the label of the nearest example: distance")
    assert "k = 1" in repr(found)
    assert (found.layers, found.made_with["candidates"]["nearest-neighbours"]["num_steps"][:2]) == (None, [1, 2])


def test_a_candidate_that_refuses_the_states_is_left_out():
    found = identify(
        LeastSquares(), HaarProcess(6, 3), ["trigonometric-recursion", "last-value"], key=jax.random.key(1)
    )
    assert "Left out, since they take no such prompts: trigonometric-recursion." in found.notes
    assert {row.name for row in found.rows} == {"zero", "constant", "mean-label", "last-value"}


def test_shifts_change_what_they_say_and_keep_the_teachers(key):
    material = draw(TASK, key, 50, 1, 12)
    environments = {each.law: each for each in shifted(material, (8,), np.random.default_rng(0))}
    teachers = np.linalg.lstsq(material.inputs[0], material.labels[0], rcond=None)[0]
    for law in ("inputs x 3", "spectrum 1 / i", "inputs in half the space", "query in another orthant"):
        np.testing.assert_allclose(environments[law].xs[0] @ teachers, environments[law].ys[0], atol=1e-12)
    plain, scaled = material.inputs[:, :8], environments["inputs x 3"]
    np.testing.assert_allclose(scaled.xs, 3 * plain)
    np.testing.assert_allclose(scaled.queries, 3 * material.queries)
    np.testing.assert_allclose(environments["labels x 1/2"].ys, material.labels[:, :8] / 2)
    spread = np.linalg.svd(environments[f"condition {CONDITION:g}"].xs.reshape(-1, 3), compute_uv=False)
    whole = np.linalg.svd(plain.reshape(-1, 3), compute_uv=False)
    assert spread[0] ** 2 / spread[-1] ** 2 == pytest.approx(CONDITION, rel=3 * (whole[0] / whole[-1] - 1))
    half = environments["inputs in half the space"].xs.reshape(-1, 3)
    assert np.linalg.matrix_rank(np.sign(half @ np.linalg.lstsq(half, np.ones(len(half)), rcond=None)[0])[None]) == 1
    orthant = environments["query in another orthant"]
    assert (np.sign(orthant.xs) == np.sign(orthant.xs[:, :1])).all()
    assert ((np.sign(orthant.queries) != np.sign(orthant.xs[:, :1])).sum(axis=2) == 2).all()  # of three signs
    same = environments["query equal to an example"]
    assert (np.abs(same.queries - same.xs).max(axis=2).min(axis=1) == 0).all()
    assert {law for law in environments if law.startswith("N = ")} == {"N = 1", "N = 5", "N = 6", "N = 12"}


def test_shifted_sequences_are_asked_about_at_positions_that_they_have():
    states = np.random.default_rng(0).normal(size=(4, 9, 2))
    found = shifted_sequences(states, (2, 5, 8), np.random.default_rng(1))
    late = [each for each in found if each.law == "from a third on"]
    assert [(each.num_examples, each.states.shape) for each in late] == [(1, (4, 6, 2)), (4, (4, 6, 2))]
    np.testing.assert_array_equal(late[0].states, states[:, 3:])
    assert len([each for each in found if each.law == "states x 2"]) == 3


def test_controversial_prompts_are_those_where_two_differ_most(key):
    kept = controversial_prompts(Ridge(0.3), GradientDescent(2.0), TASK, key=key, num_prompts=5)
    plain = TASK.sample_batch(jax.random.clone(key), 100)
    gaps = [
        np.asarray(jax.vmap(Ridge(0.3))(each) - jax.vmap(GradientDescent(2.0))(each)) ** 2 for each in (kept, plain)
    ]
    np.testing.assert_allclose(np.sort(gaps[0][:, 0]), np.sort(gaps[1][:, 0])[-5:], rtol=1e-9)


def test_a_law_that_a_model_cannot_answer_is_told_and_the_others_are_judged():
    def needs_four(xs, ys, query):
        if len(xs) < 4:
            raise ValueError("too few examples")
        return ridge(xs, ys, query)

    found = identify(needs_four, TASK, NAMES, key=jax.random.key(3))
    assert found.verdict.kind is Kind.IDENTIFIED
    assert next(note for note in found.notes if "too few examples" in note).startswith("Not judged under N = 1: ")
    assert "N = 1" not in {law.law for law in found.laws}
    assert "N = 5" in {law.law for law in found.laws}


def test_a_model_that_raises_at_other_lengths_is_judged_at_its_own():
    def of_eight(xs, ys, query):
        return ridge(xs.reshape(8, 3), ys, query)

    found = identify(of_eight, TASK, NAMES, key=jax.random.key(3))
    assert found.verdict.members == ("ridge",)
    (doubled,) = [each for each in found.symmetries.invariances if each.name == "duplication of examples"]
    assert doubled.holds is None
    assert not [law.law for law in found.laws if law.law.startswith("N = ")]
    assert len([note for note in found.notes if note.startswith("Not judged under N = ")]) == 4


def test_an_intercept_is_a_candidate_of_its_own():
    def centred(xs, ys, query):
        means = xs.mean(axis=0), ys.mean(axis=0)
        return means[1] + ridge(xs - means[0], ys - means[1], query - means[0])

    found = identify(centred, TASK, ["ridge", "ridge-with-intercept"], key=jax.random.key(3))
    assert (found.verdict.kind, found.verdict.members) == (Kind.IDENTIFIED, ("ridge-with-intercept",))
    assert found.parameters["penalty"] == pytest.approx(0.3, rel=1e-3)


def test_a_model_that_sums_over_examples_is_told_so():
    """At its usual length a sum times a constant is a mean times another one."""

    def sums(xs, ys, query):
        return query @ xs.T @ ys / 4

    found = identify(sums, TASK, ["gradient-descent", "ridge"], key=jax.random.key(3))
    assert found.parameters["learning_rate"] == pytest.approx(2, rel=1e-3)
    assert not {"N = 5", "N = 12"} & set(found.verdict.scope)
    told = next(note for note in found.notes if note.startswith("With rates in proportion to the number of examples"))
    assert told.endswith("N = 1, N = 5, N = 6, N = 12.")


class OfOneLength(FunctionSubject):
    num_examples = 8

    def predictions(self, xs, ys, queries):
        assert xs.shape[1] == self.num_examples
        return super().predictions(xs, ys, queries)


def test_a_model_of_one_length_is_asked_at_that_length_alone():
    found = identify(OfOneLength(ridge, batched=False, flat_labels=False), TASK, NAMES, key=jax.random.key(3))
    assert found.verdict.kind is Kind.IDENTIFIED
    assert not [law.law for law in found.laws if law.law.startswith("N = ")]
