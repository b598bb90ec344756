"""What the studies of text measure: the paper's statistic and what it counts, forecasts, layers and their rivals."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.along_sequence import RidgeAlongSequence
from mesascope.data.sources import OwnText
from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.prompt import Sequence
from mesascope.stats import Estimate
from mesascope.studies import find_study
from mesascope.studies.sander2024._shared import text as rivals
from mesascope.studies.sander2024.fig4_text import forecasts as forecasts
from mesascope.studies.sander2024.fig4_text import readings as readings
from mesascope.studies.sander2024.fig4_text import repeats as repeats
from mesascope.studies.sander2024.text_mechanism import cells as layers
from mesascope.studies.sander2024.text_mechanism import fits as fits
from mesascope.studies.sander2024.text_mechanism.readings import left_over
from mesascope.study.cell import Workspace
from mesascope.study.claim import Claim, Outcome
from mesascope.tasks.orthogonal import Rotations
from mesascope.tasks.text import TextWindows

EPS = np.finfo(np.float64).eps
EVERY_WINDOW = np.array(list(itertools.product(range(3), repeat=5)))  # of three tokens
LETTERS = tuple("abcdef")


def circle(num_tokens):
    """The alphabet over and over, with a unit vector a letter: s_{t+1} = W s_t without error, once centred."""
    text = " ".join(LETTERS[i % len(LETTERS)] for i in range(num_tokens))
    return OwnText(text, LETTERS, np.eye(len(LETTERS)))


def batch(seed, shape):
    return jax.vmap(Sequence)(jnp.asarray(np.random.default_rng(seed).normal(size=shape)))


def rollout_error_of(window):
    """The paper's statistic of one window, by `numpy.linalg.lstsq`."""
    a = np.linalg.lstsq(window[:-1], window[1:], rcond=None)[0].T
    states = [window[0]]
    for _ in window[1:]:
        states.append(a @ states[-1])
    return np.mean((np.array(states) - window) ** 2)


def test_the_statistic_is_least_squares_rolled_out_from_the_first_token():
    table = np.random.default_rng(0).normal(size=(3, 8))
    errors = repeats.rollout_errors(table[EVERY_WINDOW])
    np.testing.assert_allclose(errors, [rollout_error_of(window) for window in table[EVERY_WINDOW]], atol=1e5 * EPS)


def test_the_statistic_of_a_token_with_two_successors_in_closed_form():
    """a, b, a, c, d: A a = (b + c) / 2, A b = a, A c = d, A d = 0, for orthonormal vectors."""
    table = np.eye(7)
    (error,) = repeats.rollout_errors(table[[[0, 1, 0, 2, 3]]])
    assert error == pytest.approx((0.5 + 0.5 + 0.625 + 0.625) / (5 * 7), abs=1e3 * EPS)


def test_a_token_is_ambiguous_where_its_successors_differ():
    def by_hand(window):
        after = {token: {b for a, b in itertools.pairwise(window) if a == token} for token in window}
        return any(len(successors) > 1 for successors in after.values())

    np.testing.assert_array_equal(repeats.ambiguous(EVERY_WINDOW), [by_hand(window) for window in EVERY_WINDOW])


def test_successors_of_one_token_lie_apart():
    """a, b, a, c, a: a goes on with b and c; and a, b, a, c, a, d with three."""
    vectors = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    np.testing.assert_allclose(repeats.successors_apart(np.array([[0, 1, 0, 2, 0], [0, 1, 2, 3, 1]]), vectors), [5, 0])
    np.testing.assert_allclose(repeats.successors_apart(np.array([[0, 1, 0, 1, 0]]), vectors), [0])
    three = repeats.successors_apart(np.array([[0, 1, 0, 2, 0, 3]]), vectors)
    np.testing.assert_allclose(three, [(5 + 41 + 34) / 3])


def test_windows_have_the_same_pattern_where_renaming_tokens_makes_them_equal():
    def by_hand(window):
        return tuple(list(window).index(token) for token in window)

    numbers = repeats.pattern(EVERY_WINDOW)
    assert len({(number, by_hand(window)) for number, window in zip(numbers, EVERY_WINDOW, strict=True)}) == 41
    assert len(set(numbers.tolist())) == 41  # partitions of five into at most three


def test_errors_are_kept_where_a_token_is_ambiguous_and_nowhere_else():
    table = repeats.unit(np.random.default_rng(0).normal(size=(3, 8)))
    errors = repeats.rollout_errors(table[EVERY_WINDOW])
    np.testing.assert_array_equal(errors > readings.KEPT, repeats.ambiguous(EVERY_WINDOW))


def test_vectors_of_norm_one():
    np.testing.assert_allclose(repeats.unit(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])


def made_repeats(written, shuffled):
    """Arrays of one seed: errors by pattern, a row of (pattern, error, count) a kind."""
    found = {}
    for kind, rows in zip(repeats.KINDS, (written, shuffled), strict=True):
        errors = np.concatenate([np.full(count, error) for _, error, count in rows])
        found |= {f"{kind}_words": errors[None], f"{kind}_random": errors[None].copy()}
        found[f"{kind}_ambiguous"] = errors[None] > readings.KEPT
        found[f"{kind}_apart"] = np.where(errors > readings.KEPT, 0.5, 0.0)[None]
        found[f"{kind}_pattern"] = np.concatenate([np.full(count, each) for each, _, count in rows])[None]
    return found


def test_where_repeats_are_alike_their_mix_does_not_count():
    """Each pattern's errors are twice as large in the text, but it has more of the pattern with small ones."""
    read = readings.read(
        made_repeats([(1, 2e-6, 90), (2, 2e-2, 10), (3, 1.0, 5)], [(1, 1e-6, 10), (2, 1e-2, 90), (4, 1e-15, 20)])
    )
    assert read.alike == pytest.approx(2)
    assert read.ratio < 0.1
    assert read.apart_shuffled == pytest.approx(0.5)
    np.testing.assert_allclose([read.share_written, read.share_shuffled], [[1], [100 / 120]])
    assert read.misjudged == read.differing == 0
    assert read.largest_exact == pytest.approx(1e-15)


def test_windows_kept_without_a_reason_are_counted():
    found = made_repeats([(1, 1e-3, 30)], [(1, 1e-3, 30)])
    found["written_ambiguous"][0, :6] = False
    found["shuffled_random"][0, :3] = 0.0
    read = readings.read(found)
    assert read.misjudged == pytest.approx(6 / 60)
    assert read.differing == pytest.approx(3 / 60)
    assert read.largest_exact == pytest.approx(1e-3)


def test_repeats_are_measured_on_windows_of_every_seed():
    """The alphabet in a circle never goes on in two ways; shuffled, it does."""
    calls = []
    cell = repeats.RepeatsCell(circle(3000), 100, 2, 5)
    found = repeats.measure_repeats(cell, Workspace(None, lambda *call: calls.append(call)))
    assert [call[:2] for call in calls] == [(1, 2), (2, 2)]
    assert found["written_words"].shape == found["shuffled_pattern"].shape == (2, 100)
    assert not found["written_ambiguous"].any()
    assert found["written_words"].max() < readings.KEPT
    assert 0.2 < np.mean(found["shuffled_words"] > readings.KEPT) < 0.8
    every = repeats.measure_repeats(repeats.RepeatsCell(circle(3000), 10_000, 2, 5), Workspace())
    assert every["written_words"].shape == (2, 600)
    assert not np.array_equal(*np.sort(every["shuffled_words"], axis=1))  # whichever way the windows are drawn
    read = readings.read(found)
    assert np.isnan(read.ratio).all()
    assert (read.misjudged == 0).all()


def test_ar_is_ridge_on_the_first_half_of_a_window_judged_on_the_second():
    states = np.random.default_rng(0).normal(size=(10, 3))
    x, y = states[:4], states[1:5]
    weights = np.linalg.solve(x.T @ x + 0.7 * np.eye(3), x.T @ y).T
    expected = np.mean(np.sum((states[4:9] @ weights.T - states[5:]) ** 2, axis=1))
    measured = forecasts.ar_error(Sequence(jnp.asarray(states)), jnp.asarray(0.7))
    assert float(measured) == pytest.approx(expected, rel=1e4 * EPS)


def test_a_text_that_is_an_ar_process_is_found_to_be_one():
    """All orders and forecasts of the alphabet in a circle; the last value and zero by hand."""
    found = forecasts.measure_forecasts(forecasts.ForecastCell(circle(960), 20, 5, 50, 2, 0), Workspace())
    assert found["errors"].shape == (12, 3, 5)
    assert found["penalty"].shape == (2, 3)
    written, within, throughout = (found["errors"][:, i].mean(axis=0) for i in range(3))
    ar, mean, last, zero, common = range(5)
    assert written[ar] < 0.01
    assert written[common] < 1e-20
    assert written[zero] == pytest.approx(1, abs=1e3 * EPS)
    assert written[last] == pytest.approx(2.4, abs=1e4 * EPS)  # |e_1 - e_2|^2 / (5 / 6)
    assert written[mean] > 0.9
    assert min(within[ar], throughout[ar]) > 0.9
    assert float(found["explained"]) == pytest.approx(1)


def test_the_mean_is_that_of_the_first_half_and_the_matrix_that_of_all_tuning_windows():
    windows = batch(0, (6, 8, 2))
    errors = forecasts._all_errors(windows, windows, jnp.asarray(1.0))
    states = np.asarray(windows.states)
    mean = states[:, :4].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(errors[:, 1], np.mean(np.sum((mean - states[:, 4:]) ** 2, axis=2), axis=1))
    before, after = (each.reshape(-1, 2) for each in (states[:, :-1], states[:, 1:]))
    matrix = np.linalg.lstsq(before, after, rcond=None)[0].T
    np.testing.assert_allclose(rivals.common_matrix(windows), matrix, rtol=1e5 * EPS)
    common = states[:, 3:-1] @ matrix.T
    np.testing.assert_allclose(errors[:, 4], np.mean(np.sum((common - states[:, 4:]) ** 2, axis=2), axis=1))


def test_penalties_are_the_best_of_the_grid():
    windows = batch(0, (8, 12, 3))
    errors = forecasts._ridge_errors(windows, jnp.asarray(rivals.PENALTIES))
    one_by_one = [
        np.mean([forecasts.ar_error(Sequence(each), jnp.asarray(penalty)) for each in windows.states])
        for penalty in rivals.PENALTIES[[0, -1]]
    ]
    np.testing.assert_allclose(errors[jnp.array([0, -1])], one_by_one, rtol=1e4 * EPS)


def test_gains_are_ratios_of_means_the_worst_of_all_sizes():
    """Errors that are the same in every window have no interval."""
    row = np.array([[0.9, 0.95, 1.8, 1.0, 0.9], [1.0, 1.0, 2.0, 1.0, 1.0], [1.2, 1.0, 2.0, 1.0, 1.0]])
    small, large = (np.broadcast_to(each, (20, 3, 5)) for each in (row, row * np.array([0.9, 1.0, 1.0])[:, None]))
    found = forecasts.gains([{"errors": small}, {"errors": large}])
    expected = {"order": 0.1, "text": 0.25, "small": 1 - 0.81 / 1.2, "last": 0.5, "mean": 0.9 / 0.95}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e3 * EPS)


def test_an_estimate_is_judged_by_its_interval():
    claim = Claim("a", "b", "c", "at least", 0.0)
    for estimate, outcome in (
        (Estimate(0.2, 0.1, 0.3), Outcome.REPRODUCED),
        (Estimate(0.2, -0.1, 0.3), Outcome.INCONCLUSIVE),
        (Estimate(-0.2, -0.3, -0.1), Outcome.NOT_REPRODUCED),
        (Estimate(np.nan, np.nan, np.nan), Outcome.NOT_REPRODUCED),
    ):
        verdict = claim.judge_estimate(estimate, "windows")
        assert verdict.outcome is outcome
        assert "95% interval over windows" in verdict.sentence


def rotations(num_sequences, **settings):
    return Rotations(8, 4, **settings).sample_batch(jax.random.key(0), num_sequences)


def test_rivals_are_the_best_step_and_ridge_and_one_matrix_by_hand():
    tuning, held_out = (batch(seed, (30, 6, 2)) for seed in range(2))
    predictions, found = rivals.rivals(tuning, held_out)

    def step_of(states):
        return np.array(
            [sum(states[t + 1] * (states[t] @ states[now]) for t in range(now)) for now in range(1, len(states) - 1)]
        )

    steps, targets = np.array([step_of(each) for each in np.asarray(tuning.states)]), tuning.states[:, 2:]
    coefficient = np.sum(steps * targets) / np.sum(steps**2)
    assert float(found["coefficient"]) == pytest.approx(coefficient, rel=1e5 * EPS)
    held = np.asarray(held_out.states)
    np.testing.assert_allclose(predictions["step"], coefficient * np.array([step_of(each) for each in held]))
    target = held[:, 2:]
    expected = np.sum((np.asarray(predictions["step"]) - target) ** 2) / np.sum(target**2)
    assert float(found["step"]) == pytest.approx(expected, rel=1e4 * EPS)
    flat = np.asarray(tuning.states)
    matrix = np.linalg.lstsq(flat[:, :-1].reshape(-1, 2), flat[:, 1:].reshape(-1, 2), rcond=None)[0]
    np.testing.assert_allclose(predictions["common"], held[:, 1:-1] @ matrix, rtol=1e5 * EPS)
    by_penalty = [
        rivals.relative_loss(rivals.forecasts_of(tuning, RidgeAlongSequence(p)), tuning) for p in rivals.PENALTIES
    ]
    assert float(found["penalty"]) == pytest.approx(rivals.PENALTIES[np.argmin(by_penalty)])


def test_heads_that_are_orthogonal_have_no_defect_and_positions_their_ratio():
    weights = jnp.eye(5, k=1) * 2.0 - jnp.eye(5)
    layer = DiagonalHeads(jnp.eye(4), 3 * jnp.eye(4), LearnedWeights(weights))
    read = layers.read_heads(layer)
    assert float(read["defect"]) == 0
    assert float(read["ratio"]) == pytest.approx(-0.5)
    mixed = DiagonalHeads(jnp.ones((1, 2)), jnp.ones((1, 2)), LearnedWeights(weights))
    assert float(layers.read_heads(mixed)["defect"]) == pytest.approx(0.5**0.5)


def likeness(*others):
    """A layer's to multiples and others of its own predictions, by their number."""
    windows = rotations(5)
    layer = DiagonalHeads.initialise(4, 2, 8, std=0.5, key=jax.random.key(1))
    own = rivals.forecasts_of(windows, layer)
    return layers._likeness(windows, {str(i): other(own) for i, other in enumerate(others)}, layer)


def test_a_layer_s_distance_to_itself_is_zero_and_to_nothing_one():
    found = likeness(lambda own: own, jnp.zeros_like)
    assert float(found["distance_0"]) == 0
    assert float(found["distance_1"]) == pytest.approx(1)


def test_size_makes_a_rival_distant_but_leaves_nothing_over():
    found = likeness(lambda own: 3 * own, lambda own: -own)
    np.testing.assert_allclose([found["distance_0"], found["distance_1"]], [4, 4], rtol=1e3 * EPS)
    np.testing.assert_allclose(left_over(np.array([found["cosine_0"], found["cosine_1"]])), [0, 1], atol=1e3 * EPS)


def test_what_is_left_over_is_the_least_distance_over_all_scales():
    ours, other = np.random.default_rng(0).normal(size=(2, 50)) + 0.5
    cosine = np.array([ours @ other / np.sqrt(ours @ ours * (other @ other))])
    scales = np.linspace(0, 2, 20_001)
    least = min(np.sum((ours - a * other) ** 2) for a in scales) / np.sum(ours**2)
    assert left_over(cosine) == pytest.approx(np.array([least]), rel=1e-6)
    assert np.isnan(left_over(np.array([np.nan])))


def test_the_fit_to_a_rotation_has_its_angles():
    process = Rotations(8, 4)
    dynamics = np.array([0.3, 1.1])
    start = np.array([1.0, 0.0, 0.5, 0.5])
    states = np.asarray(process.sequence((jnp.asarray(dynamics), jnp.asarray(start), None)).states)
    spectrum = fits._spectrum(rivals.moments(states[None]), 0.0)
    np.testing.assert_allclose(fits.moduli(spectrum), 1, atol=1e-9)
    angles = np.sort(np.arctan2(spectrum[0, :, 1], spectrum[0, :, 0]))
    np.testing.assert_allclose(angles, [-1.1, -0.3, 0.3, 1.1], atol=1e-9)
    assert fits.moduli(fits._spectrum(rivals.moments(states[None]), 5.0)).max() < 0.9


def test_fits_are_of_held_out_windows_one_by_one_and_together():
    windows = TextWindows(20, 5, source=circle(960))
    found = fits.measure_fits(fits.FitsCell(windows, 50), Workspace())
    assert found["windows"].shape == found["shuffled"].shape == (12, 5, 2)
    np.testing.assert_allclose(fits.moduli(found["windows"]), 1, atol=1e-9)
    np.testing.assert_allclose(fits.moduli(found["together"]), 1, atol=1e-9)
    assert fits.moduli(found["shuffled"]).mean() < 0.8
    expected = 1 - fits.moduli(found["shuffled"]).max(axis=1)
    np.testing.assert_allclose(fits.ordered_less_shuffled(found), expected, atol=1e-9)
    assert expected.mean() > 0.1


def test_order_that_says_nothing_moves_no_eigenvalue():
    """Words drawn independently: the difference over windows is as likely below zero as above."""
    letters = np.random.default_rng(1).choice(list(LETTERS), 12_000)
    source = OwnText(" ".join(letters), LETTERS, np.eye(len(LETTERS)))
    found = fits.measure_fits(fits.FitsCell(TextWindows(20, 3, source=source), 1000), Workspace())
    difference = fits.ordered_less_shuffled(found)
    assert abs(difference.mean()) < 5 * difference.std() / len(difference) ** 0.5
    assert difference.std() > 0.01


@pytest.mark.parametrize(
    ("study", "settings", "message"),
    [
        ("sander2024-fig4-text", {"dims": (51,)}, "`dims` must be different numbers of at most 50"),
        ("sander2024-fig4-text", {"dims": (8, 8)}, "`dims` must be different numbers"),
        ("sander2024-fig4-text", {"num_states": 2000}, "`num_states` must be at most 1024"),
        ("sander2024-text-mechanism", {"num_states": 2000}, "`num_states` must be at most 1024"),
        ("sander2024-text-mechanism", {"dim": 51}, "`dim` must be at most 50"),
        ("sander2024-text-mechanism", {"layers": ("dense",)}, "`layers` must be the first two or more of diagonal"),
    ],
)
def test_settings_that_the_text_cannot_serve_are_refused(study, settings, message):
    with pytest.raises(ValueError, match=message):
        find_study(study).preset("smoke", **settings)
