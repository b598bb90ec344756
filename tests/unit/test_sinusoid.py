"""Sine waves: their formula, and the laws of what is random about them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mesascope.random import data_key
from mesascope.tasks.sinusoid import Sinusoid
from mesascope.tasks.tied_sinusoid import TiedSinusoid

SIZE = 20_000
EPS = np.finfo(np.float64).eps


@pytest.fixture(scope="module", params=["default", "fast"])
def draws(request):
    """Many draws, with the generator of evaluation and with the one of training."""

    @jax.jit
    def drawn():
        key = jax.random.key(7) if request.param == "default" else data_key(jax.random.key(7))
        return jax.vmap(Sinusoid(num_examples=3).draw)(jax.random.split(key, SIZE))

    return jax.tree.map(np.asarray, drawn())


def test_a_prompt_is_one_sine_wave():
    task = Sinusoid()

    @jax.jit
    def drawn(key):
        draws = task.draw(key)
        return draws, task.prompt(draws)

    ((xs, query), (amplitude, phase), noise), prompt = jax.tree.map(np.asarray, drawn(jax.random.key(0)))
    assert noise is None
    assert (prompt.xs.shape, prompt.ys.shape, prompt.query.shape, prompt.target.shape) == ((10, 1), (10, 1), (1,), (1,))
    for x, y in zip([*xs[:, 0], query[0]], [*prompt.ys[:, 0], prompt.target[0]], strict=True):
        np.testing.assert_allclose(y, amplitude * np.sin(x + phase), rtol=0, atol=1e3 * EPS)


def test_inputs_amplitude_and_phase_are_uniform(draws):
    """Kolmogorov-Smirnov: below a probability of 5.7e-7, that of five standard deviations, for none of them."""
    (xs, query), (amplitude, phase), _ = draws
    for values, low, high in (
        (xs[:, 0, 0], -5, 5),
        (xs[:, 2, 0], -5, 5),
        (query[:, 0], -5, 5),
        (amplitude, 0.1, 0.5),
        (phase, 0, np.pi),
    ):
        assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 5.7e-7


def test_amplitude_and_phase_are_independent(draws):
    """Drawn from one key, as in the authors' code, they would be the same number: a correlation of 1."""
    (xs, query), (amplitude, phase), _ = draws
    columns = np.stack([amplitude, phase, xs[:, 0, 0], xs[:, 1, 0], query[:, 0]])
    correlations = np.corrcoef(columns)[np.triu_indices(len(columns), 1)]
    assert (np.abs(correlations) <= 5 / np.sqrt(SIZE)).all()
    counts = np.histogram2d(amplitude, phase, bins=8)[0]
    assert stats.chi2_contingency(counts).pvalue > 5.7e-7


@pytest.mark.parametrize(("settings", "low", "high"), [({}, 0.1, 0.5), ({"max_amplitude": 4.1}, 0.1, 4.1)])
def test_a_tied_amplitude_follows_from_a_uniform_phase(settings, low, high):
    """a = low + (high - low) p / pi, the phase uniform on [0, pi]; the inputs are those of the untied waves."""
    tied = TiedSinusoid(Sinusoid(num_examples=3, **settings))

    @jax.jit
    def drawn(keys):
        draws = jax.vmap(tied.draw)(jax.random.clone(keys))
        return draws, jax.vmap(tied.prompt)(draws), jax.vmap(tied.task.draw)(keys)

    draws, prompts, untied = jax.tree.map(np.asarray, drawn(jax.random.split(jax.random.key(3), SIZE)))
    (xs, query), (amplitude, phase), _ = draws
    np.testing.assert_allclose(amplitude, low + (high - low) * phase / np.pi, rtol=1e3 * EPS)
    assert stats.kstest(phase, stats.uniform(0, np.pi).cdf).pvalue > 5.7e-7
    np.testing.assert_array_equal(xs, untied[0][0])
    waves = amplitude[:, None, None] * np.sin(xs + phase[:, None, None])
    np.testing.assert_allclose(prompts.ys, waves, rtol=0, atol=1e3 * EPS * high)
    target = amplitude[:, None] * np.sin(query + phase[:, None])
    np.testing.assert_allclose(prompts.target, target, rtol=0, atol=1e3 * EPS * high)


def test_only_sine_waves_are_tied(as_installed):
    with pytest.raises(ValueError, match="`task` must be"):
        TiedSinusoid("waves")


def test_the_loss_of_predicting_zero():
    """1/2 E a^2 E sin^2, with E a^2 = (b^3 - a^3) / (3 (b - a)); over a whole range of phases E sin^2 is 1/2."""
    task = Sinusoid(max_amplitude=2.0, input_scale=3.0)
    prompts = jax.jit(lambda key: task.sample_batch(key, SIZE))(jax.random.key(1))
    errors = np.asarray(prompts.target[:, 0]) ** 2 / 2
    expected = (2.0**3 - 0.1**3) / (3 * 1.9) / 4
    assert abs(errors.mean() - expected) <= 5 * errors.std(ddof=1) / np.sqrt(SIZE)


def test_settings_scale_what_they_name():
    tasks = (Sinusoid(), Sinusoid(input_scale=10.0), Sinusoid(10, 0.1, 4.1))
    draws = jax.jit(lambda key: [task.draw(jax.random.clone(key)) for task in tasks])(jax.random.key(2))
    plain, wide, tall = jax.tree.map(np.asarray, draws)
    np.testing.assert_allclose(wide[0][0], 2 * plain[0][0], rtol=1e3 * EPS)
    np.testing.assert_allclose(tall[1][0] - 0.1, 10 * (plain[1][0] - 0.1), rtol=1e5 * EPS)
    np.testing.assert_array_equal(tall[1][1], plain[1][1])


def test_noise_is_on_the_examples_only():
    tasks = [Sinusoid(noise_std=std) for std in (0.0, 0.5)]
    prompts = jax.jit(lambda key: [task.sample(jax.random.clone(key)) for task in tasks])(jax.random.key(3))
    clean, noisy = jax.tree.map(np.asarray, prompts)
    assert (clean.ys != noisy.ys).all()
    np.testing.assert_array_equal(clean.target, noisy.target)


def test_an_amplitude_may_be_traced():
    amplitude = jax.jit(lambda high: Sinusoid(max_amplitude=high).draw(jax.random.key(0))[1][0])(jnp.asarray(0.1))
    np.testing.assert_allclose(amplitude, 0.1, rtol=1e3 * EPS)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("num_examples", {"num_examples": 0}),
        ("min_amplitude", {"min_amplitude": -0.1}),
        ("max_amplitude", {"max_amplitude": 0.0, "min_amplitude": 0.0}),
        ("max_amplitude", {"max_amplitude": 0.05}),
        ("input_scale", {"input_scale": 0.0}),
        ("noise_std", {"noise_std": -1.0}),
    ],
)
def test_impossible_sine_waves_are_refused_by_name(name, settings):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Sinusoid(**settings)
