"""The networks of the sine waves against their layers, and what the study measures and reads of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.configuration import describe
from mesascope.prompt import Prompt
from mesascope.studies import find_study
from mesascope.studies._shared.measure import validation
from mesascope.studies.oswald2023.fig4_sine.cells import SineMeasures, Waves
from mesascope.studies.oswald2023.fig4_sine.network import DescentStep, TrainedAttention
from mesascope.studies.oswald2023.fig4_sine.readings import readings
from mesascope.study.cell import Workspace

EPS = np.finfo(np.float64).eps


def tolerance(*expected):
    return 1e3 * EPS * max(1, *(np.abs(each).max() for each in expected))


NETWORKS = {
    "attention": lambda key: TrainedAttention.initialise(6, 9, key=key),
    "descent": lambda key: DescentStep.initialise(6, 9, 10, learning_rate=0.1, key=key),
}


def grown(make):
    """A network whose every weight, and every bias, is of order one."""
    rng = np.random.default_rng(1)
    shapes = eqx.filter_eval_shape(make, jax.random.key(0))
    return jax.tree.map(lambda leaf: jax.device_put(0.5 * rng.normal(size=leaf.shape)), shapes)


by_layers = eqx.filter_jit(lambda network, prompts: jax.vmap(network.transformer())(prompts))


def waves(num_prompts=4):
    """Prompts like those of sine waves: ten examples of one input and one label."""
    rng = np.random.default_rng(2)
    shapes = ((num_prompts, 10, 1), (num_prompts, 10, 1), (num_prompts, 1), (num_prompts, 1))
    return jax.vmap(Prompt)(*jax.device_put([rng.normal(size=shape) for shape in shapes]))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sine_network_and_its_gradient_are_those_of_its_layers(name):
    prompts = waves()

    def loss(network, as_layers):
        predict = network.transformer() if as_layers else network
        return jnp.sum((jax.vmap(predict)(prompts) - prompts.target) ** 2)

    @eqx.filter_jit
    def both(network):
        return [jax.value_and_grad(loss)(network, as_layers) for as_layers in (False, True)]

    (ours, our_gradient), (theirs, their_gradient) = both(grown(NETWORKS[name]))
    np.testing.assert_allclose(ours, theirs, rtol=1e4 * EPS)
    for one, other in zip(jax.tree.leaves(our_gradient), jax.tree.leaves(their_gradient), strict=True):
        size = np.abs(np.asarray(other)).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=1e4 * EPS * max(size, 1))


def test_the_constructed_layer_is_a_gradient_step_from_the_first_channels_to_the_last():
    """-c_q + (eta / N) sum_i c_i f_i^T f_q for tokens (f, c): the initial function, and a step to the last channel."""
    network, prompt = grown(NETWORKS["descent"]), jax.tree.map(lambda leaf: np.asarray(leaf)[0], waves(1))
    tokens = np.concatenate([prompt.xs, prompt.ys], axis=1)
    rows = np.array([*tokens, [prompt.query[0], 0.0]]) @ np.asarray(network.tokens.embedding).T

    @eqx.filter_jit
    def found(network, prompt, rows):
        return rows + network.mlp(rows, rows), network.transformer().trajectory(prompt)[:, 0], network(prompt)[0]

    rows, (before, after), whole = map(np.asarray, found(network, prompt, rows))
    (features, targets), (query, initial) = (rows[:-1, :-1], rows[:-1, -1]), (rows[-1, :-1], -rows[-1, -1])
    step = float(network.learning_rate) / 10 * targets @ (features @ query)
    np.testing.assert_allclose(before, initial, rtol=0, atol=tolerance(rows))
    np.testing.assert_allclose([after, whole], [initial + step] * 2, rtol=0, atol=10 * tolerance(rows**3))


def test_both_networks_begin_with_the_same_features():
    trained, descent = (eqx.filter_jit(make)(jax.random.key(5)) for make in NETWORKS.values())
    ours, theirs = (jax.tree.leaves((network.tokens, network.mlp)) for network in (trained, descent))
    assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert float(descent.learning_rate) == pytest.approx(0.1)


def made_up(training, seed):
    """What a training of one seed would leave, were its weights drawn at random."""
    rng = np.random.default_rng(seed)
    shapes = jax.tree.leaves(eqx.filter_eval_shape(training.make_model, key=jax.random.key(0)))
    weights = {f"weights_{i:03d}": rng.normal(size=(1, 2, *leaf.shape)) for i, leaf in enumerate(shapes)}
    return {"losses": np.ones((1, 4)), "snapshot_steps": np.array([0, 4]), **weights}


@pytest.fixture(scope="module")
def measured():
    """The study's measures of two trainings, with the networks they end with."""
    small = {"seeds": 1, "dim_token": 4, "dim_hidden": 5, "num_validation": 50}
    study = find_study("oswald2023-fig4-sine").preset("smoke", **small)
    trained, descent, comparison, drawn = (cell.config for cell in study.cells())
    done = {str(describe(training)): made_up(training, seed) for seed, training in enumerate((trained, descent))}
    workspace = Workspace(need=lambda training: done[str(describe(training))])
    summary = study.summarise([{}, {}, comparison.compute(workspace), drawn.compute(workspace)])
    models = [each.trained(workspace).model for each in (trained, descent)]
    return study, summary, jax.tree.map(lambda leaf: np.asarray(leaf)[0], models)


def test_the_measures_of_sine_waves_are_means_over_validation_prompts(measured):
    """Each by the layers, not by the network's own shorter way."""
    study, (found, _, _), ends = measured
    prompts = validation(study.task, 50)
    (ours, theirs), target = (np.asarray(by_layers(each, prompts)) for each in ends), np.asarray(prompts.target)
    np.testing.assert_allclose(found.loss_trained[0, -1], ((ours - target) ** 2).mean() / 2, rtol=1e4 * EPS)
    np.testing.assert_allclose(found.loss_descent[0, -1], ((theirs - target) ** 2).mean() / 2, rtol=1e4 * EPS)
    np.testing.assert_allclose(found.prediction_distance[0, -1], np.abs(ours - theirs).mean(), rtol=1e4 * EPS)
    np.testing.assert_allclose(found.loss_zero, (target**2).mean() / 2, rtol=1e4 * EPS)
    np.testing.assert_allclose(found.target_size, np.abs(target).mean(), rtol=1e4 * EPS)


def test_the_cosine_of_one_input_is_how_often_two_slopes_agree_in_sign(measured):
    """Slopes by central differences of step h = eps^(1/3); a slope of order h^2 may have the wrong sign, not more."""
    study, (found, _, _), ends = measured
    prompts, step = validation(study.task, 50), EPS ** (1 / 3)
    moved = [eqx.tree_at(lambda p: p.query, prompts, np.asarray(prompts.query) + by) for by in (step, -step)]
    up, down = ([np.asarray(by_layers(each, some)) for each in ends] for some in moved)
    slopes = [(above - below)[:, 0] / (2 * step) for above, below in zip(up, down, strict=True)]
    agreement = np.sign(slopes[0] * slopes[1])
    undecided = (np.min(np.abs(slopes), axis=0) < 1e-8).sum()
    assert abs(found.sensitivity_cosine[0, -1] - agreement.mean()) <= (2 * undecided + 1e-9) / 50
    pooled = slopes[0] @ slopes[1] / np.linalg.norm(slopes[0]) / np.linalg.norm(slopes[1])
    np.testing.assert_allclose(found.pooled_cosine[0, -1], pooled, rtol=0, atol=1e-8)


def test_the_drawn_functions_are_the_layers_before_and_after_the_step(measured):
    study, (_, _, drawn), ends = measured
    task, (num_waves, points) = study.task, drawn.truth.shape
    assert drawn.trained.shape == drawn.descent.shape == (1, num_waves, 2, points)
    assert np.abs(drawn.truth).max() <= task.task.max_amplitude
    for wave in range(num_waves):
        nearest = [np.abs(drawn.points - x).argmin() for x in drawn.xs[wave]]
        gaps = np.abs(drawn.truth[wave][nearest] - drawn.ys[wave])
        assert (gaps <= task.task.max_amplitude * 10 / (points - 1)).all()  # the examples lie on the wave
    xs, ys = (examples[0][:, None] for examples in (drawn.xs, drawn.ys))
    prompt = Prompt(*jax.device_put((xs, ys, drawn.points[7:8], np.zeros(1))))
    expected = eqx.filter_jit(lambda network: network.transformer().trajectory(prompt)[:, 0])(ends[0])
    np.testing.assert_allclose(drawn.trained[0, 0, :, 7], expected, rtol=0, atol=tolerance(expected))


def made_of(trained, descent, pooled, zero=0.04):
    """Measures of two seeds at three snapshots."""
    nothing = np.zeros((2, 3))
    return SineMeasures(
        steps=np.array([0, 10, 20]),
        loss_trained=np.array(trained),
        loss_descent=np.array(descent),
        prediction_distance=nothing + 0.1,
        sensitivity_cosine=np.array([[0, 0, 0.9]] * 2),
        sensitivity_distance=nothing,
        initial_distance=nothing + 0.3,
        pooled_cosine=np.array(pooled),
        learning_rate=np.ones(2),
        loss_zero=np.asarray(zero),
        target_size=np.asarray(0.2),
    )


def test_what_is_read_of_two_trainings_by_hand():
    """The last snapshot decides; the gap of the losses is in units of the zero predictor's."""
    tied = made_of([[0.04, 0.03, 0.01], [0.04, 0.04, 0.03]], [[0.04, 0.02, 0.005]] * 2, [[0, 0, 0.9], [0, 0, 0.5]])
    independent = made_of([[1, 1, 0.5]] * 2, [[1, 1, 0.25]] * 2, [[0, 0, 0.7]] * 2, zero=0.5)
    expected = {
        "loss": [0.125, 0.625],
        "cosine": [0.9, 0.5],
        "prediction": [0.5, 0.5],
        "initial": [1.5, 1.5],
        "fit": [0.25, 0.75],
        "independent-loss": [0.5, 0.5],
        "independent-cosine": [0.7, 0.7],
        "loss of attention, a and p independent": [0.5, 0.5],
        "loss of attention, a tied to p": [0.01, 0.03],
    }
    numbers = readings(tied, independent)
    for name, values in expected.items():
        np.testing.assert_allclose(numbers[name], values, rtol=1e3 * EPS)
    alone = readings(tied, None)
    assert [np.ma.asarray(alone[name]).count() for name in ("loss", "independent-loss", "independent-cosine")] == [
        2,
        0,
        0,
    ]


def test_waves_of_independent_amplitude_and_phase_are_trained_where_asked_for():
    """The same networks and seeds, on waves that are not tied; their comparison comes last."""
    plain, both = (find_study("oswald2023-fig4-sine").preset("smoke", independent_seeds=n) for n in (None, 3))
    attention, _, comparison = (cell.config for cell in both.cells()[4:])
    assert [describe(cell.config) for cell in plain.cells()] == [describe(cell.config) for cell in both.cells()[:4]]
    tied = both.cells()[0].config
    assert (attention.seeds, attention.task, comparison.task) == (3, tied.task.task, tied.task.task)
    first, second = (made_of([[loss] * 3] * 2, [[0.1] * 3] * 2, [[1.0] * 3] * 2) for loss in (0.2, 0.3))
    drawn = {name: np.zeros(1) for name in Waves._fields}
    summary = both.summarise([{}, {}, first._asdict(), drawn, {}, {}, second._asdict()])
    assert (summary.tied.loss_trained[0, 0], summary.independent.loss_trained[0, 0]) == (0.2, 0.3)
    assert plain.summarise([{}, {}, first._asdict(), drawn]).independent is None
