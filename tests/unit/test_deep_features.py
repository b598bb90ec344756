"""Learning on features: algorithms against loops, layers against algorithms, the sine networks against layers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.deep_features import OnFeatures
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.kernel_smoother import FeatureKernel, KernelSmoother, NadarayaWatson
from mesascope.algorithms.ridge import Ridge
from mesascope.constructions.deep_features import DeepFeatureConstruction
from mesascope.models.mlp import MLP
from mesascope.prompt import Prompt
from mesascope.studies import find_study
from mesascope.studies._shared.measure import validation
from mesascope.studies.oswald2023.fig4_sine.cells import SineCell, measure
from mesascope.studies.oswald2023.fig4_sine.network import DescentStep, TrainedAttention
from mesascope.study.base import Workspace
from mesascope.tasks.sinusoid import Sinusoid

EPS = np.finfo(np.float64).eps
N, DX, DY = 6, 3, 2


class Waves(eqx.Module):
    """m(x) = (sin x, cos x, 1): more features than inputs."""

    def __call__(self, x):
        return jnp.concatenate([jnp.sin(x), jnp.cos(x), jnp.ones(1)])


def features_of(x):
    return np.concatenate([np.sin(x), np.cos(x), [1.0]])


def make_prompt(seed=0, dim_x=DX, dim_y=DY):
    rng = np.random.default_rng(seed)
    return Prompt(*(jnp.asarray(rng.normal(size=shape)) for shape in ((N, dim_x), (N, dim_y), (dim_x,), (dim_y,))))


def tolerance(*expected):
    return 1e3 * EPS * max(1, *(np.abs(each).max() for each in expected))


def test_gradient_descent_on_features_is_the_loop():
    prompt, rate, weights, trajectory = make_prompt(), 0.3, np.zeros((DY, 2 * DX + 1)), []
    for _ in range(4):
        gradient = np.zeros_like(weights)
        for x, y in zip(np.asarray(prompt.xs), np.asarray(prompt.ys), strict=True):
            gradient += np.outer(weights @ features_of(x) - y, features_of(x)) / N
        weights = weights - rate * gradient
        trajectory.append(weights @ features_of(prompt.query))
    learner = OnFeatures(GradientDescent(rate, 4), Waves())
    np.testing.assert_allclose(learner.trajectory(prompt), trajectory, rtol=0, atol=tolerance(*trajectory))
    np.testing.assert_allclose(learner(prompt), trajectory[-1], rtol=0, atol=tolerance(*trajectory))


def test_ridge_on_features_is_kernel_ridge():
    """W m(x) = y^T (K + penalty I)^{-1} k(x): the dual form, solved with the other matrix."""
    prompt, penalty = make_prompt(), 0.4
    rows = np.array([features_of(x) for x in np.asarray(prompt.xs)])
    dual = np.linalg.solve(rows @ rows.T + penalty * np.eye(N), rows @ features_of(prompt.query))
    expected = np.asarray(prompt.ys).T @ dual
    answer = OnFeatures(Ridge(penalty), Waves())(prompt)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=tolerance(expected) * np.linalg.cond(rows))


def kernel_of(x, other):
    return 0.7 * features_of(x) @ features_of(other)


def test_smoothers_are_sums_over_examples():
    prompt, kernel = make_prompt(), FeatureKernel(Waves(), 0.7)
    values = [kernel_of(x, prompt.query) for x in np.asarray(prompt.xs)]
    ys = np.asarray(prompt.ys)
    smoothed = sum(value * y for value, y in zip(values, ys, strict=True)) * 1.5 / N
    weights = np.exp(values) / np.exp(values).sum()
    averaged = sum(weight * y for weight, y in zip(weights, ys, strict=True))
    np.testing.assert_allclose(KernelSmoother(kernel, 1.5)(prompt), smoothed, rtol=0, atol=tolerance(smoothed))
    np.testing.assert_allclose(NadarayaWatson(kernel)(prompt), averaged, rtol=0, atol=tolerance(averaged))


def test_a_kernel_may_be_any_function_and_without_features_it_is_the_inner_product():
    prompt = make_prompt()
    expected = KernelSmoother(FeatureKernel())(prompt)
    np.testing.assert_array_equal(KernelSmoother(lambda first, second: jnp.sum(first * second))(prompt), expected)
    np.testing.assert_allclose(expected, GradientDescent(1.0)(prompt), rtol=0, atol=tolerance(expected))


def test_one_step_from_zero_is_the_kernel_smoother_and_two_are_not():
    prompt, smoother = make_prompt(), KernelSmoother(FeatureKernel(Waves()), 0.9)
    one, two = OnFeatures(GradientDescent(0.9, 2), Waves()).trajectory(prompt)
    np.testing.assert_allclose(smoother(prompt), one, rtol=0, atol=tolerance(one))
    assert np.abs(np.asarray(smoother(prompt) - two)).max() > 1e-3


def test_the_nadaraya_watson_smoother_stays_between_the_examples():
    prompt = make_prompt()
    for scale in (0.0, 1.0, 1e5):
        answer = NadarayaWatson(FeatureKernel(Waves(), scale))(prompt)
        assert (answer >= prompt.ys.min(axis=0) - 1e3 * EPS).all()
        assert (answer <= prompt.ys.max(axis=0) + 1e3 * EPS).all()
    np.testing.assert_allclose(NadarayaWatson(FeatureKernel(scale=0.0))(prompt), prompt.ys.mean(axis=0), rtol=1e3 * EPS)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("scale", lambda: FeatureKernel(scale=float("nan"))),
        ("learning_rate", lambda: KernelSmoother(FeatureKernel(), float("inf"))),
        ("learning_rate", lambda: DeepFeatureConstruction(small_mlp(), jnp.ones(3), num_steps=2)),
        ("num_steps", lambda: DeepFeatureConstruction(small_mlp(), num_steps=0)),
        ("num_examples", lambda: DeepFeatureConstruction(small_mlp(), num_examples=0)),
        ("dim_y", lambda: DeepFeatureConstruction(small_mlp(), dim_y=0)),
    ],
)
def test_impossible_settings_are_refused_by_name(name, make):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        make()


def small_mlp():
    return MLP.initialise(DX, 5, init_scale=1.0, key=jax.random.key(0))


def test_the_perceptron_acts_once_and_each_step_has_its_rate():
    """A chain with two rates is two gradient steps with these rates on features made once."""
    construction = DeepFeatureConstruction(small_mlp(), jnp.array([0.9, 0.3]), 2, N, DY)
    prompt = make_prompt()
    rows, query = (jax.vmap(construction.features)(each) for each in (prompt.xs, prompt.query[None]))
    assert np.abs(np.asarray(rows - prompt.xs)).max() > 0.1  # the perceptron does something
    weights, expected = np.zeros((DY, DX)), []
    for rate in (0.9, 0.3):
        weights = weights - rate / N * (rows @ weights.T - prompt.ys).T @ rows
        expected.append(weights @ query[0])
    answer = eqx.filter_jit(construction.build().trajectory)(prompt)
    np.testing.assert_allclose(answer, np.array(expected), rtol=0, atol=tolerance(*expected))


NETWORKS = {
    "attention": lambda key: TrainedAttention.initialise(6, 9, key=key),
    "descent": lambda key: DescentStep.initialise(6, 9, 10, key=key),
}


def grown(network):
    """The same network with every weight, and every bias, of order one."""
    leaves, structure = jax.tree.flatten(network)
    rng = np.random.default_rng(1)
    return jax.tree.unflatten(structure, [jnp.asarray(0.5 * rng.normal(size=leaf.shape)) for leaf in leaves])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sine_network_and_its_gradient_are_those_of_its_layers(name):
    network = grown(NETWORKS[name](jax.random.key(0)))
    prompts = Sinusoid().sample_batch(jax.random.key(1), 4)

    def loss(network, as_layers):
        predict = network.transformer() if as_layers else network
        return jnp.sum((jax.vmap(predict)(prompts) - prompts.target) ** 2)

    value = eqx.filter_jit(jax.value_and_grad(loss))
    (ours, our_gradient), (theirs, their_gradient) = (value(network, as_layers) for as_layers in (False, True))
    np.testing.assert_allclose(ours, theirs, rtol=1e4 * EPS)
    for one, other in zip(jax.tree.leaves(our_gradient), jax.tree.leaves(their_gradient), strict=True):
        size = np.abs(np.asarray(other)).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=1e4 * EPS * max(size, 1))


def test_the_constructed_layer_is_a_gradient_step_from_the_first_channels_to_the_last():
    """-c_q + (eta / N) sum_i c_i f_i^T f_q for tokens (f, c): the initial function, and a step to the last channel."""
    network, prompt = grown(NETWORKS["descent"](jax.random.key(0))), Sinusoid().sample(jax.random.key(1))
    tokens = [np.array([x[0], y[0]]) for x, y in zip(np.asarray(prompt.xs), np.asarray(prompt.ys), strict=True)]
    rows = np.array([*tokens, [float(prompt.query[0]), 0.0]]) @ np.asarray(network.tokens.embedding).T
    rows = jnp.asarray(rows)
    rows = np.asarray(rows + network.mlp(rows, rows))
    (features, targets), (query, initial) = (rows[:-1, :-1], rows[:-1, -1]), (rows[-1, :-1], -rows[-1, -1])
    step = float(network.learning_rate) / 10 * targets @ (features @ query)
    before, after = eqx.filter_jit(network.transformer().trajectory)(prompt)[:, 0]
    np.testing.assert_allclose(before, initial, rtol=0, atol=tolerance(rows))
    np.testing.assert_allclose(after, initial + step, rtol=0, atol=10 * tolerance(rows**3))
    np.testing.assert_allclose(network(prompt)[0], initial + step, rtol=0, atol=10 * tolerance(rows**3))


def test_both_networks_begin_with_the_same_features():
    trained, descent = (make(jax.random.key(5)) for make in NETWORKS.values())
    ours, theirs = (jax.tree.leaves((network.tokens, network.mlp)) for network in (trained, descent))
    assert all((one == other).all() for one, other in zip(ours, theirs, strict=True))
    assert float(descent.learning_rate) == pytest.approx(0.1)


@pytest.fixture(scope="module")
def measured():
    """The study's measures of two short trainings, with the networks they end with."""
    small = {"num_steps": 4, "batch_size": 4, "dim_token": 4, "dim_hidden": 5, "num_snapshots": 2}
    study = find_study("oswald2023-fig4-sine").preset("smoke", seeds=1, num_validation=50, **small)
    trained, descent = study.trainings()
    with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in 32 bits
        done = {id(training): training.compute(Workspace()) for training in (trained, descent)}
    workspace = Workspace(need=lambda training: done[id(training)])
    arrays = measure(SineCell(study.task, trained, descent, 50), workspace)
    ends = [each.trained(workspace).seed(0).model for each in (trained, descent)]
    return study, arrays, ends


def test_the_measures_of_sine_waves_are_means_over_validation_prompts(measured):
    """Each by the layers, not by the network's own shorter way."""
    study, arrays, ends = measured
    prompts = validation(study.task, 50)
    predict = eqx.filter_jit(lambda model: jax.vmap(model)(prompts))
    (ours, theirs), target = (np.asarray(predict(each.transformer())) for each in ends), np.asarray(prompts.target)
    np.testing.assert_allclose(arrays["loss_trained"][0, -1], ((ours - target) ** 2).mean() / 2, rtol=1e4 * EPS)
    np.testing.assert_allclose(arrays["loss_descent"][0, -1], ((theirs - target) ** 2).mean() / 2, rtol=1e4 * EPS)
    np.testing.assert_allclose(arrays["prediction_distance"][0, -1], np.abs(ours - theirs).mean(), rtol=1e4 * EPS)
    np.testing.assert_allclose(arrays["loss_zero"], (target**2).mean() / 2, rtol=1e4 * EPS)
    np.testing.assert_allclose(arrays["target_size"], np.abs(target).mean(), rtol=1e4 * EPS)


def test_the_cosine_of_one_input_is_how_often_two_slopes_agree_in_sign(measured):
    """Slopes by central differences of step h = eps^(1/3); a slope of order h^2 may have the wrong sign, not more."""
    study, arrays, ends = measured
    prompts, step = validation(study.task, 50), EPS ** (1 / 3)
    moved = [eqx.tree_at(lambda p: p.query, prompts, prompts.query + by) for by in (step, -step)]
    up, down = ([np.asarray(jax.vmap(each.transformer())(some)) for each in ends] for some in moved)
    slopes = [(above - below)[:, 0] / (2 * step) for above, below in zip(up, down, strict=True)]
    agreement = np.sign(slopes[0] * slopes[1])
    undecided = (np.min(np.abs(slopes), axis=0) < 1e-8).sum()
    assert abs(arrays["sensitivity_cosine"][0, -1] - agreement.mean()) <= (2 * undecided + 1e-9) / 50
    pooled = slopes[0] @ slopes[1] / np.linalg.norm(slopes[0]) / np.linalg.norm(slopes[1])
    np.testing.assert_allclose(arrays["pooled_cosine"][0], pooled, rtol=0, atol=1e-8)


def test_the_drawn_functions_are_the_layers_before_and_after_the_step(measured):
    study, arrays, ends = measured
    task, (waves, points) = study.task, arrays["truth"].shape
    assert arrays["curves_trained"].shape == arrays["curves_descent"].shape == (1, waves, 2, points)
    assert np.abs(arrays["truth"]).max() <= task.max_amplitude
    for wave in range(waves):
        nearest = [np.abs(arrays["points"] - x).argmin() for x in arrays["xs"][wave]]
        gaps = np.abs(arrays["truth"][wave][nearest] - arrays["ys"][wave])
        assert (gaps <= task.max_amplitude * 10 / (points - 1)).all()  # the examples lie on the wave
    xs, ys = (jnp.asarray(arrays[name][0])[:, None] for name in ("xs", "ys"))
    prompt = Prompt(xs, ys, jnp.asarray(arrays["points"][7:8]), jnp.zeros(1))
    expected = eqx.filter_jit(ends[0].transformer().trajectory)(prompt)[:, 0]
    np.testing.assert_allclose(arrays["curves_trained"][0, 0, :, 7], expected, rtol=0, atol=tolerance(expected))
