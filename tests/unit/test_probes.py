"""Probes against what they must say of predictors worked out by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.ridge import Ridge
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.probes.alignment import alignment, sensitivity
from mesascope.probes.error import half_squared_error, half_squared_errors_by_step
from mesascope.probes.generalisation import generalisation_errors
from mesascope.probes.interpolation import interpolate
from mesascope.probes.weights import learned_preconditioner, learned_rates, learned_step_size
from mesascope.prompt import Prompt, Sequence
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.shifted import Shifted

EPS = np.finfo(np.float64).eps

build = eqx.filter_jit(lambda construction: construction.build())
measure = eqx.filter_jit(lambda probe, *arguments: probe(*arguments))


class Fixed(AbstractPredictor):
    """Predicts W x for its own W, whatever the examples."""

    weights: jax.Array

    def __call__(self, prompt):
        return self.weights @ prompt.query


@pytest.fixture
def prompt():
    return Prompt(
        xs=jnp.array([[1.0, 2.0], [3.0, -1.0]]),
        ys=jnp.array([[2.0], [1.0]]),
        query=jnp.array([2.0, 1.0]),
        target=jnp.array([4.0]),
    )


def test_alignment_by_hand(prompt):
    """Weights (3, 4) and (4, -3) are orthogonal, both of norm 5; at (2, 1) they predict 10 and 5."""
    ours, theirs = Fixed(jnp.array([[3.0, 4.0]])), Fixed(jnp.array([[4.0, -3.0]]))
    measured = measure(alignment, ours, theirs, prompt)
    np.testing.assert_allclose(measured.prediction_distance, 5, rtol=1e3 * EPS)
    np.testing.assert_allclose(measured.sensitivity_cosine, 0, rtol=0, atol=1e3 * EPS)
    np.testing.assert_allclose(measured.sensitivity_distance, np.sqrt(50), rtol=1e3 * EPS)


@pytest.mark.parametrize(("factor", "cosine"), [(1.0, 1), (3.0, 1), (-0.5, -1)])
def test_scaled_weights_point_the_same_way_or_the_opposite(prompt, factor, cosine):
    weights = np.array([[3.0, 4.0]])
    measured = measure(alignment, Fixed(jnp.asarray(factor * weights)), Fixed(jnp.asarray(weights)), prompt)
    np.testing.assert_allclose(measured.sensitivity_cosine, cosine, rtol=1e3 * EPS)
    np.testing.assert_allclose(measured.sensitivity_distance, 5 * abs(factor - 1), rtol=1e3 * EPS, atol=1e3 * EPS)
    np.testing.assert_allclose(measured.prediction_distance, 10 * abs(factor - 1), rtol=1e3 * EPS, atol=1e3 * EPS)


def test_alignment_flattens_several_outputs(prompt):
    """Frobenius: <A, B> = 1*0 + 2*1 + 0*1 + 1*3 = 5, norms sqrt(6) and sqrt(11)."""
    first, second = jnp.array([[1.0, 2.0], [0.0, 1.0]]), jnp.array([[0.0, 1.0], [1.0, 3.0]])
    wide = Prompt(prompt.xs, jnp.asarray(np.ones((2, 2))), prompt.query, jnp.array([1.0, 1.0]))
    measured = measure(alignment, Fixed(first), Fixed(second), wide)
    np.testing.assert_allclose(measured.sensitivity_cosine, 5 / np.sqrt(66), rtol=1e3 * EPS)
    np.testing.assert_allclose(measured.sensitivity_distance, np.sqrt(1 + 1 + 1 + 4), rtol=1e3 * EPS)
    np.testing.assert_allclose(measured.prediction_distance, np.sqrt(3**2 + 4**2), rtol=1e3 * EPS)


def test_the_sensitivity_of_a_linear_learner_is_its_weights(prompt):
    learner = GradientDescent(0.3, 3)
    ours, theirs = jax.jit(lambda prompt: (sensitivity(learner, prompt), learner.weights(prompt)))(prompt)
    np.testing.assert_allclose(ours, theirs, rtol=1e3 * EPS)


def test_the_cosine_with_nothing_is_nan(prompt):
    measured = measure(alignment, ZeroPredictor(), GradientDescent(0.3), prompt)
    assert np.isnan(measured.sensitivity_cosine)
    assert np.isfinite(measured.sensitivity_distance)


class Bent(AbstractPredictor):
    """Predicts A x + B x^* and the square of the first entry, holomorphic where B is zero."""

    plain: np.ndarray
    conjugate: np.ndarray

    def __call__(self, prompt):
        linear = self.plain @ prompt.query + self.conjugate @ jnp.conj(prompt.query)
        return jnp.concatenate([linear, prompt.query[:1] ** 2])


def complex_prompt(*shapes):
    rng = np.random.default_rng(0)
    return Prompt(*(jnp.asarray(rng.normal(size=s) + 1j * rng.normal(size=s)) for s in shapes))


def test_the_sensitivity_of_a_complex_predictor_has_a_part_for_the_conjugate():
    prompt = complex_prompt((4, 2), (4, 3), (2,), (3,))
    plain, conjugate = np.array([[1, 2j], [0.5, 1 - 1j]]), np.array([[1j, 0], [3, 0.25j]])
    found = measure(sensitivity, Bent(plain, conjugate), prompt)
    square = 2 * np.asarray(prompt.query)[:1]
    expected = np.block([[plain, conjugate], [square[:, None], np.zeros((1, 3))]])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS)
    descent = GradientDescent(0.3)
    weights = jax.jit(descent.weights)(prompt)
    found = measure(sensitivity, descent, prompt)
    np.testing.assert_allclose(found, np.hstack([weights, np.zeros((3, 2))]), rtol=0, atol=1e3 * EPS)


def test_complex_predictors_are_compared_by_the_real_part():
    """Turned by an angle, the cosine is that of the angle; the conjugate map is orthogonal."""
    prompt = complex_prompt((4, 2), (4, 3), (2,), (3,))
    weights = np.array([[3.0, 4j]])
    turned = measure(alignment, Fixed(jnp.asarray(weights * np.exp(1j))), Fixed(jnp.asarray(weights)), prompt)
    np.testing.assert_allclose(turned.sensitivity_cosine, np.cos(1), rtol=1e3 * EPS)
    np.testing.assert_allclose(turned.sensitivity_distance, 5 * abs(np.exp(1j) - 1), rtol=1e3 * EPS)
    assert all(leaf.dtype == float for leaf in turned)
    real = Prompt(prompt.xs.real, prompt.ys, prompt.query.real, prompt.target)
    descent = GradientDescent(0.3)
    np.testing.assert_allclose(measure(alignment, descent, descent, real).sensitivity_cosine, 1, rtol=1e3 * EPS)


@pytest.mark.parametrize("scale", [1e-30, 1e-11, 1e11, 1e15])
def test_sizes_whose_squares_do_not_fit_are_compared(prompt, scale):
    single = jax.tree.map(lambda leaf: np.float32(scale) * leaf.astype(np.float32), prompt)
    fixed = Fixed(jnp.asarray([[3.0, 4.0]], np.float32) * np.float32(scale))
    other = Fixed(jnp.asarray([[4.0, 3.0]], np.float32) * np.float32(scale))
    measured = measure(alignment, fixed, other, eqx.tree_at(lambda p: p.query, single, prompt.query.astype(np.float32)))
    np.testing.assert_allclose(measured.sensitivity_cosine, 24 / 25, rtol=1e-6)
    np.testing.assert_allclose(measured.sensitivity_distance, np.float32(scale) * 2**0.5, rtol=1e-6)
    np.testing.assert_allclose(measured.prediction_distance, np.float32(scale), rtol=1e-6)


def test_squared_error_by_hand(prompt):
    """Weights (1, 1) predict 3 where 4 is right; (1, 1) and (2, 0) predict (3, 4) where (4, 2) is."""
    assert measure(half_squared_error, Fixed(jnp.array([[1.0, 1.0]])), prompt) == 0.5
    wide = Prompt(prompt.xs, jnp.asarray(np.ones((2, 2))), prompt.query, jnp.array([4.0, 2.0]))
    assert measure(half_squared_error, Fixed(jnp.array([[1.0, 1.0], [2.0, 0.0]])), wide) == 2.5


def test_the_squared_error_of_complex_predictions_is_real():
    prompt = Prompt(*(jnp.asarray(np.ones(shape, complex)) for shape in ((2, 1), (2, 1), (1,), (1,))))
    error = measure(half_squared_error, Fixed(jnp.asarray(np.array([[1.0 + 2.0j]]))), prompt)
    assert error.dtype == jnp.float64
    np.testing.assert_allclose(error, 2.0, rtol=1e3 * EPS)


def test_half_squared_errors_by_step_are_the_errors_of_shorter_runs(prompt):
    errors = measure(half_squared_errors_by_step, GradientDescent(0.1, 4), prompt)
    runs = [GradientDescent(0.1, steps) for steps in (1, 2, 3, 4)]
    shorter = jax.jit(lambda: [half_squared_error(run, prompt) for run in runs])()
    np.testing.assert_allclose(errors, shorter, rtol=1e3 * EPS)
    assert len(set(np.asarray(errors))) == 4


RATES = (0.3, 0.9)


@pytest.fixture
def ends():
    """Two models that differ in P only: the model between them has the rate between theirs."""
    return tuple(build(GradientDescentConstruction(jnp.asarray(rate), num_examples=2, dim_x=2)) for rate in RATES)


def test_between_two_constructions_lies_the_rate_between(ends, prompt):
    fractions = (0.0, 0.25, 0.5, 1.0)
    rates = [(1 - fraction) * RATES[0] + fraction * RATES[1] for fraction in fractions]
    between = jax.jit(lambda: [interpolate(*ends, fraction)(prompt) for fraction in fractions])()
    expected = jax.jit(jax.vmap(lambda rate: GradientDescent(rate)(prompt)))(np.array(rates))
    np.testing.assert_allclose(between, expected, rtol=1e3 * EPS)


def test_halfway_is_the_default_and_the_ends_are_the_ends(ends):
    *ours, halfway = eqx.filter_jit(lambda: [interpolate(*ends, 0.0), interpolate(*ends, 1.0), interpolate(*ends)])()
    for our_leaf, leaf in zip(jax.tree.leaves(ours), jax.tree.leaves(list(ends)), strict=True):
        np.testing.assert_array_equal(our_leaf, leaf)
    for middle, *both in zip(*map(jax.tree.leaves, (halfway, *ends)), strict=True):
        np.testing.assert_allclose(middle, np.mean(both, axis=0), rtol=0, atol=1e3 * EPS)


def test_numbers_that_are_no_arrays_are_weights_too():
    assert interpolate(Ridge(1.0), Ridge(3.0), 0.25).penalty == 1.5
    mixed = interpolate(GradientDescent(0.5, 3), GradientDescent(jnp.asarray(1.5), 3))
    assert (float(mixed.learning_rate), mixed.num_steps) == (1.0, 3)
    with pytest.raises(ValueError, match="must have the same weights"):
        interpolate(GradientDescent(0.5, 3), GradientDescent(0.5, 2))


def test_models_of_other_structure_have_nothing_between_them(ends):
    others = (
        GradientDescentConstruction(0.3, num_examples=2, dim_x=3),
        GradientDescentConstruction(0.3, num_steps=2, num_examples=2, dim_x=2),
        GradientDescentConstruction(jnp.array([1.0, 1.0]), num_steps=2, num_examples=2, dim_x=2),
        GradientDescentConstruction(0.3, num_examples=2, dim_x=2, initial_weights=jnp.array([[1.0, 1.0]])),
    )
    for other in eqx.filter_jit(lambda: [construction.build() for construction in others])():
        for pair in ((ends[0], other), (other, ends[0])):
            with pytest.raises(ValueError, match="must have the same weights"):
                interpolate(*pair)


@pytest.mark.parametrize("dim_y", [1, 3])
def test_the_learned_step_size_of_the_construction_is_its_rate(dim_y):
    @jax.jit
    def read(gauge):
        (layer,) = GradientDescentConstruction(0.7, num_examples=6, dim_x=4, dim_y=dim_y).build().layers
        return learned_step_size(layer.key_query[0] / gauge, layer.output_value[0] * gauge, 4, 6)

    for gauge in (1.0, -4.0, 1e-3):
        np.testing.assert_allclose(read(gauge), 0.7, rtol=1e3 * EPS)


def test_the_learned_step_size_survives_fixing_the_gauge():
    like = eqx.filter_eval_shape(LinearSelfAttention.initialise, 5, key=jax.random.key(0))
    rng = np.random.default_rng(0)
    layer = jax.tree.map(lambda leaf: jnp.asarray(0.02 * rng.normal(size=leaf.shape)), like)

    @jax.jit
    def read():
        layers = (layer, layer.canonical())
        sizes = [learned_step_size(each.key_query[0], each.output_value[0], 4, 6) for each in layers]
        return sizes, jnp.linalg.norm(layer.key_query) * jnp.linalg.norm(layer.output_value)

    sizes, scale = read()
    np.testing.assert_allclose(*sizes, rtol=0, atol=1e3 * EPS * 6 * float(scale))
    assert float(sizes[0]) != 0


@pytest.mark.parametrize("dim_y", [1, 3])
def test_the_learned_rates_of_the_construction_are_its_own(dim_y):
    @jax.jit
    def read(gauge):
        (layer,) = GDPlusPlusConstruction(0.7, 0.15, num_examples=6, dim_x=4, dim_y=dim_y).build().layers
        return learned_rates(layer.key_query[0] / gauge, layer.output_value[0] * gauge, 4, 6)

    for gauge in (1.0, -4.0, 1e-3):
        np.testing.assert_allclose(read(gauge), (0.7, 0.15), rtol=1e3 * EPS)


def test_generalisation_errors_are_paired():
    """Every shift and every predictor sees the prompts of the same keys, drawn and judged one by one."""
    task, shifts = LinearRegression(4, 2), jnp.array([0.5, 1.0, 2.0])
    keys = jax.random.split(jax.random.key(0), 5)
    predictors = {"descent": GradientDescent(0.5), "zero": ZeroPredictor()}

    def sample_fn(key, shift):
        return Shifted(task, input_scale=shift).sample(key)

    together = jax.jit(lambda keys: generalisation_errors(predictors, sample_fn, shifts, keys))(jax.random.clone(keys))
    together = jax.tree.map(np.asarray, together)
    assert {name: errors.shape for name, errors in together.items()} == {"descent": (3, 5), "zero": (3, 5)}

    @jax.jit
    def one(j, shift):
        key = jax.random.clone(keys)[j]
        return [half_squared_error(each, sample_fn(jax.random.clone(key), shift)) for each in predictors.values()]

    for i, shift in enumerate(np.asarray(shifts)):
        for j in range(5):
            np.testing.assert_allclose([together[name][i, j] for name in predictors], one(j, shift), rtol=1e4 * EPS)
    np.testing.assert_allclose(together["zero"][2], 16 * together["zero"][0], rtol=1e3 * EPS)  # target times 4


def test_probes_take_models_and_algorithms_alike(prompt):
    model = build(GradientDescentConstruction(jnp.asarray(0.4), num_examples=2, dim_x=2))
    measured = measure(alignment, model, GradientDescent(0.4), prompt)
    np.testing.assert_allclose(measured, (0, 1, 0), rtol=0, atol=1e3 * EPS)
    softened = Transformer(model.layers, JoinedTokens(2), dampening=0.5)
    measured = measure(alignment, softened, GradientDescent(0.2), prompt)
    np.testing.assert_allclose(measured, (0, 1, 0), rtol=0, atol=1e3 * EPS)


@pytest.mark.parametrize("probe", [
    lambda sequence: alignment(ZeroPredictor(), GradientDescent(), sequence),
    lambda sequence: sensitivity(GradientDescent(), sequence),
    lambda sequence: half_squared_error(ZeroPredictor(), sequence),
    lambda sequence: half_squared_errors_by_step(GradientDescent(), sequence),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_a_probe_needs_a_prompt(probe):
    with pytest.raises(
        ValueError, match=r"`prompt` must be an object of class Prompt; got Sequence\. .*prompt\(length\)"
    ):
        probe(Sequence(jnp.ones((6, 3))))


def test_the_learned_preconditioner_is_what_of_the_prediction_turns_with_the_labels(prompt):
    """Any weights: half the difference between the predictions for labels and for their negatives is the step."""
    rng = np.random.default_rng(0)
    weights = [jnp.asarray(rng.standard_normal((1, 3, 3))) for _ in range(4)]
    layer = LinearSelfAttention(*weights)
    model, first = Transformer((layer,), JoinedTokens(2)), prompt.ys[:, :1]
    asked = Prompt(prompt.xs, first, prompt.query, prompt.target[:1])
    read = learned_preconditioner(layer.key_query[0], layer.output_value[0], 2, len(first))
    turned = (model(asked) - model(asked.with_labels(-first))) / 2
    expected = asked.query @ read.matrix @ (asked.xs.T @ first) / len(first)
    np.testing.assert_allclose(turned, expected, rtol=1e3 * EPS)
    scaled = learned_preconditioner(layer.key_query[0] / 3, 3 * layer.output_value[0], 2, len(first))
    np.testing.assert_allclose(scaled.matrix, read.matrix, rtol=1e3 * EPS)
    np.testing.assert_allclose(scaled.rest, read.rest, rtol=1e3 * EPS)


@pytest.mark.usefixtures("as_installed")
def test_a_preconditioner_is_read_from_a_head_of_one_output():
    with pytest.raises(ValueError, match="`key_query` must be for one output, of size 3; got size 4"):
        learned_preconditioner(jnp.eye(4), jnp.eye(4), 2, 3)
