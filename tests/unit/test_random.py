"""The fast generator: its statistics as the training loop draws from it, and its conduct as a JAX generator.

A check maps a generator to p-values that are uniform on (0, 1) if its words are independent and uniform. It passes
if the smallest, times their number, stays above the two-sided level of z = 5. Keys are fixed. Every check is also
run on a generator with one known defect and has to find it: `test_check_finds_the_defect`.
"""

from functools import cache, partial, wraps

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import random as extension
from scipy import special, stats

from mesascope import random as fast
from mesascope.models.transformer import Transformer
from mesascope.random import FAST, THREEFRY, data_key, normal
from mesascope.studies import study
from mesascope.studies._shared.training import Training
from mesascope.study.cell import Workspace, place_shared
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig

LEVEL = 2 * stats.norm.sf(5)
NUM_STREAMS, LENGTH = 4096, 256  # 2**20 words a family
LAGS = (*range(1, 21), 100, 110, 120)  # a prompt has a matrix of 100 inputs, a query of 10, a teacher of 10

# Families of words, [stream, word]: neighbouring rows are streams that one might fear to be alike.


def words(keys, length=LENGTH):
    return jax.vmap(lambda key: jax.random.bits(key, (length,), jnp.uint32))(keys)


def one_key(impl):
    return jax.random.bits(jax.random.key(1, impl=impl), (NUM_STREAMS, LENGTH), jnp.uint32)


def children(impl):
    return words(jax.random.split(jax.random.key(2, impl=impl), NUM_STREAMS))


def seeds(impl):
    return words(jax.vmap(lambda seed: jax.random.key(seed, impl=impl))(jnp.arange(NUM_STREAMS)))


def folds(impl):
    fold = partial(jax.random.fold_in, jax.random.key(3, impl=impl))
    return words(jax.vmap(fold)(jnp.arange(NUM_STREAMS)))


def generations(impl):
    """Each row's key is the first child of the row above."""

    def step(data, _):
        key = jax.random.wrap_key_data(data, impl=impl)
        return jax.random.key_data(jax.random.split(key)[0]), data

    root = jax.random.key_data(jax.random.key(4, impl=impl))
    lineage = jax.lax.scan(step, root, length=NUM_STREAMS)[1]
    return words(jax.random.wrap_key_data(lineage, impl=impl))


def key_words(impl):
    """The words of keys themselves: grandchildren, 128 for each child."""
    keys = jax.random.split(jax.random.key(5, impl=impl), NUM_STREAMS)
    keys = jax.vmap(lambda key: jax.random.split(key, LENGTH // 2))(keys)
    return jax.random.key_data(keys).reshape(NUM_STREAMS, LENGTH)


def halves_of_64_bits(impl):
    keys = jax.random.split(jax.random.key(6, impl=impl), NUM_STREAMS)
    long = jax.vmap(lambda key: jax.random.bits(key, (LENGTH // 2,), jnp.uint64))(keys)
    return jax.lax.bitcast_convert_type(long, jnp.uint32).reshape(NUM_STREAMS, LENGTH)


FAMILIES = (one_key, children, seeds, folds, generations, key_words, halves_of_64_bits)

# Checks.


def two_sided(law, value):
    """The p-value of a statistic that is too large or too small; `law` may be discrete."""
    above = law.sf(value - 1) if hasattr(law.dist, "pmf") else law.sf(value)
    return np.atleast_1d(np.minimum(1, 2 * np.minimum(law.cdf(value), above)))


def standard_normal(z):
    """The largest of uncorrelated standard normal statistics, corrected for their number, and the sum of squares."""
    largest = np.minimum(1, z.size * 2 * stats.norm.sf(np.max(np.abs(z))))
    return np.append(two_sided(stats.chi2(z.size), np.sum(z**2)), largest)


def equal_counts(cells, num_cells):
    """Chi-square test that `cells` are uniform on 0, ..., num_cells - 1."""
    counts = np.bincount(cells.ravel().astype(np.int64), minlength=num_cells)
    expected = cells.size / num_cells
    return two_sided(stats.chi2(num_cells - 1), np.sum((counts - expected) ** 2) / expected)


def frequencies(sheet):
    """Each bit, each byte, the highest and lowest 12 bits, and the highest and lowest 6 of neighbours both ways."""
    ones = np.array([np.sum((sheet >> bit) & 1, dtype=np.int64) for bit in range(32)])
    tests = [standard_normal((2 * ones - sheet.size) / np.sqrt(sheet.size))]
    tests += [equal_counts((sheet >> shift) & 255, 256) for shift in (0, 8, 16, 24)]
    tests += [equal_counts(sheet >> 20, 4096), equal_counts(sheet & 4095, 4096)]
    for part in (sheet >> 26, sheet & 63):
        tests += [equal_counts(64 * part[:, ::2] + part[:, 1::2], 4096)]
        tests += [equal_counts(64 * part[::2] + part[1::2], 4096)]
    return np.concatenate(tests)


def correlations(sheet):
    """Each bit against each bit: of the same word, of later words of the stream, of later streams (both circular).

    A linear correlation of the numbers is a weighted sum of these. 2**18 words.
    """
    sheet = sheet[: NUM_STREAMS // 4]

    def packed(words):
        masks = np.uint32(1) << np.arange(32, dtype=np.uint32)
        return np.stack([np.packbits(words & mask != 0).view(np.uint64) for mask in masks])

    def z(other):
        differing = np.array([np.sum(np.bitwise_count(bit ^ other), axis=1) for bit in here])
        return (sheet.size - 2.0 * differing) / np.sqrt(sheet.size)

    here = packed(sheet)
    shifts = [(lag, 1) for lag in LAGS] + [(lag, 0) for lag in (1, 2, 3, 4)]
    lagged = [standard_normal(z(packed(np.roll(sheet, -lag, axis)))) for lag, axis in shifts]
    return np.concatenate([standard_normal(z(here)[np.triu_indices(32, 1)]), *lagged])


def repeats(sheet):
    """Among n random words n (n - 1) / 2**33 pairs are equal: Poisson, mean 128. Streams that overlap have more."""
    ordered = np.sort(sheet.ravel())
    mean = ordered.size * (ordered.size - 1) / 2**33
    return two_sided(stats.poisson(mean), np.sum(ordered[1:] == ordered[:-1]))


def birthday_spacings(sheet):
    """Equal spacings between 4096 sorted words: Poisson, mean 4096^3 / 2^34 = 4 (Marsaglia 1985); 256 times."""
    blocks = np.sort(sheet.reshape(-1, 4096), axis=1).astype(np.int64)
    spacings = np.sort(np.diff(blocks, axis=1), axis=1)
    count = np.sum(spacings[:, 1:] == spacings[:, :-1])
    return two_sided(stats.poisson(4 * len(blocks)), count)


CHECKS = (frequencies, correlations, repeats, birthday_spacings)


@cache
def sheet_of(family, impl):
    return np.asarray(jax.jit(partial(family, impl))())


def over_a_family(check, family):
    return wraps(check)(lambda impl: check(sheet_of(family, impl)))


def avalanche(impl):
    """Flipping any bit of a counter, key, seed or folded number flips every bit of the output half the time."""
    num = 2**14

    def word(key):
        return jax.random.bits(key, (), jnp.uint32)

    def of_key(data):
        return word(jax.random.wrap_key_data(data, impl=impl))

    def of_seed(seed):
        return word(jax.random.key(seed, impl=impl))

    def of_fold(number):
        return word(jax.random.fold_in(jax.random.key(10, impl=impl), number))

    def flips(fn, inputs, masks):
        plain = jax.vmap(fn)(inputs)
        return jax.lax.map(lambda mask: plain ^ jax.vmap(lambda at: fn(at ^ mask))(inputs), masks)

    @jax.jit
    def changes_and_stream(inputs, masks):
        stream = jax.random.bits(jax.random.key(11, impl=impl), (2 * num,), jnp.uint32)
        return [flips(*each) for each in zip((of_key, of_seed, of_fold), inputs, masks, strict=True)], stream

    rng = np.random.default_rng(7)
    keys, numbers = (rng.integers(2**32, size=shape, dtype=np.uint32) for shape in ((num, 2), num))
    seeds = rng.integers(-(2**63), 2**63, size=num)
    bits = np.uint64(1) << np.arange(64, dtype=np.uint64)
    halves = np.stack([bits, bits >> 32], axis=1).astype(np.uint32)  # of a key: the first word, then the second
    masks = halves, bits.astype(np.int64), bits[:32].astype(np.uint32)
    changes, stream = jax.tree.map(np.asarray, changes_and_stream((keys, seeds, numbers), masks))
    counter = np.arange(2 * num)
    without = [(counter[counter & bit == 0], bit) for bit in (1 << i for i in range(15))]
    changes += [np.stack([stream[at] ^ stream[at | bit] for at, bit in without])]

    def z(changed):  # [output bit, input bit]
        flipped = np.stack([np.sum((changed >> bit) & 1, axis=1, dtype=np.int64) for bit in range(32)])
        return (2 * flipped - num) / np.sqrt(num)

    return np.concatenate([standard_normal(z(changed)) for changed in changes])


def uniforms(impl):
    """Kolmogorov-Smirnov on U(0, 1), single and double precision; 2**19 draws, their grain of 2**-23 far below it."""

    @jax.jit
    def draws():
        keys = jax.random.split(jax.random.key(12, impl=impl))
        return [jax.random.uniform(key, (2**19,), dtype) for key, dtype in zip(keys, ("f4", "f8"), strict=True)]

    return np.array([stats.kstest(np.asarray(draw), "uniform", method="asymp").pvalue for draw in draws()])


def normals(impl):
    """Moments 1 to 6, both tails beyond 1 to 4 against the binomial, the whole law; 2**19 draws of each precision."""
    moments = np.array([stats.norm.moment(order) for order in range(13)])
    tests = []
    for x64 in (False, True):
        with jax.enable_x64(x64):
            draws = jax.jit(lambda seed=13 + x64: normal(jax.random.key(seed, impl=impl), (2**19,)))()
        assert draws.dtype == (np.float64 if x64 else np.float32)
        draws = np.asarray(draws).astype(np.float64)
        means = np.array([np.mean(draws**order) for order in range(1, 7)])
        variances = (moments[2:13:2] - moments[1:7] ** 2) / draws.size
        tests += [2 * stats.norm.sf(np.abs(means - moments[1:7]) / np.sqrt(variances))]
        for tail in range(1, 5):
            law = stats.binom(draws.size, stats.norm.sf(tail))
            tests += [two_sided(law, np.sum(draws > tail)), two_sided(law, np.sum(draws < -tail))]
        tests += [np.atleast_1d(stats.kstest(draws, "norm", method="asymp").pvalue)]
    return np.concatenate(tests)


def summed_products(left, right):
    """Scaled to variance 1 if all entries are independent, of mean zero and variance 1."""
    left, right = left.reshape(-1, left.shape[-1]), right.reshape(-1, right.shape[-1])
    return left.T @ right / np.sqrt(len(left))


def training_draws(impl, x64):
    """First and second moments of the inputs, query and teacher of prompts, drawn as training draws them.

    4 seeds, 16 steps, 256 prompts; 120 numbers a prompt, scaled to variance 1. E z z^T is the identity within a
    prompt and zero between neighbouring prompts, steps and seeds. Last, the loss of the prediction 0, E target^2.
    """
    task = LinearRegression(num_examples=10, dim_x=10, input_scale=0.5)

    def draw(seed):
        data = jax.random.bits(jax.random.key(seed), (2,), jnp.uint32)
        root = jax.random.wrap_key_data(data, impl=impl)
        return jax.vmap(lambda step: task.sample_batch(jax.random.fold_in(root, step), 256))(jnp.arange(16))

    with jax.enable_x64(x64):
        prompts = jax.jit(jax.vmap(draw))(np.arange(4))
    prompts = jax.tree.map(lambda leaf: np.asarray(leaf).astype(np.float64), prompts)
    teacher = np.linalg.solve(prompts.xs, prompts.ys)[..., 0]
    inputs = [prompts.xs.reshape(*teacher.shape[:-1], -1), prompts.query]
    z = np.concatenate([*(np.sqrt(12) * x for x in inputs), teacher], axis=-1)
    num_prompts = prompts.target.size
    fourth = np.where(np.arange(120) < 110, 9 / 5, 3)  # E z^4: uniform, normal
    within = summed_products(z, z) - np.sqrt(num_prompts) * np.eye(120)
    within = within / np.where(np.eye(120, dtype=bool), np.sqrt(fourth - 1), 1)
    tests = [standard_normal(np.sum(z, axis=(0, 1, 2)) / np.sqrt(num_prompts))]
    tests += [standard_normal(within[np.triu_indices(120)])]
    for left, right in ((z[:, :, :-1], z[:, :, 1:]), (z[:, :-1], z[:, 1:]), (z[:-1], z[1:])):
        tests += [standard_normal(summed_products(left, right))]
    # target = w q: E target^2 = E |q|^2, E target^4 = 3 E |q|^4, with 12 q^2 of mean 1 and variance 4 / 5.
    squares = 12 * prompts.target.ravel() ** 2
    variance = 3 * (10**2 + 10 * 4 / 5) - 10**2
    loss = (np.mean(squares) - 10) / np.sqrt(variance / num_prompts)
    return np.concatenate([*tests, [2 * stats.norm.sf(np.abs(loss))]])


def training_draws_single(impl):
    return training_draws(impl, x64=False)


def training_draws_double(impl):
    return training_draws(impl, x64=True)


# The fast generator passes.


def passes(p_values):
    return np.min(p_values) * np.size(p_values) > LEVEL


@pytest.mark.parametrize("family", FAMILIES)
def test_words_are_independent_and_uniform(family):
    sheet = sheet_of(family, FAST)
    assert {check.__name__: True for check in CHECKS} == {check.__name__: passes(check(sheet)) for check in CHECKS}


@pytest.mark.parametrize("check", [avalanche, uniforms, normals, training_draws_single, training_draws_double])
def test_draws_follow_their_laws(check):
    assert passes(check(FAST))


# Generators with one defect do not.


def generator(tag, mix=None, lineage=lambda counter: counter):
    """A generator that hashes with `mix(counter, first, second)`; numbers of children go through `lineage`."""

    def hash_fn(key, counter, stream):
        return (mix or sound)(counter, key[0] + np.uint32(stream), key[1] ^ np.uint32(stream))

    def child(key, counter, stream):
        counter = lineage(counter)
        return jnp.stack([hash_fn(key, counter, stream + i) for i in (0, 0x9E3779B9)], axis=-1)

    def bits(key, bit_width, shape):
        counter = jax.lax.iota(jnp.uint32, int(np.prod(shape))).reshape(shape)
        low, high = (hash_fn(key, counter, stream) for stream in (0, 0x3C6EF372))
        return low if bit_width == 32 else (high.astype(jnp.uint64) << 32) | low.astype(jnp.uint64)

    def counters(shape):
        return jax.lax.iota(jnp.uint32, int(np.prod(shape))).reshape(shape)

    return extension.define_prng_impl(
        key_shape=(2,),
        seed=lambda seed: child(jnp.zeros(2, jnp.uint32), seed.astype(jnp.uint32), 0x1715609D),
        split=lambda key, shape: child(key, counters(shape), 0x2545F491),
        random_bits=bits,
        fold_in=lambda key, number: child(key, number.astype(jnp.uint32), 0x5384540F),
        name=f"mesascope_test_{tag}",
        tag=tag,
    )


def sound(counter, first, second):
    return fast._avalanche(fast._avalanche(counter + first) ^ (counter + second))


def congruential(counter, first, second):
    return (counter + first) * np.uint32(1664525) + second


def one_round(counter, first, second):
    word = (counter + first) ^ ((counter + first) >> np.uint32(16))
    word = word * np.uint32(0x21F0AAAD)
    return word ^ (word >> np.uint32(15)) ^ second


def permutation(counter, first, second):
    return fast._avalanche(fast._avalanche(counter + first) ^ second)


def top_bit_biased(counter, first, second):
    """The top bit is one with probability 1/2 + 1/64."""
    word = sound(counter, first, second)
    return word | ((word & np.uint32(31) == 0).astype(jnp.uint32) << np.uint32(31))


CONGRUENTIAL = generator("congruential", congruential)
ONE_ROUND = generator("one_round", one_round)
PERMUTATION = generator("permutation", permutation)
BIASED = generator("biased", top_bit_biased)
TWINS = generator("twins", lineage=lambda number: number >> np.uint32(1))


@pytest.mark.parametrize(
    ("check", "impl"),
    [
        (over_a_family(frequencies, one_key), CONGRUENTIAL),
        (over_a_family(frequencies, one_key), BIASED),
        (over_a_family(correlations, one_key), ONE_ROUND),
        (over_a_family(correlations, children), TWINS),
        (over_a_family(repeats, one_key), PERMUTATION),
        (over_a_family(repeats, folds), TWINS),
        (over_a_family(birthday_spacings, one_key), CONGRUENTIAL),
        (avalanche, ONE_ROUND),
        (uniforms, BIASED),
        (normals, BIASED),
        (training_draws_single, BIASED),
        (training_draws_double, TWINS),
    ],
)
def test_check_finds_the_defect(check, impl):
    assert not passes(check(impl))


def test_words_pass_when_only_the_lineage_is_defective():
    """So the defects above are found for what they are."""
    assert passes(over_a_family(frequencies, one_key)(TWINS))
    assert passes(over_a_family(correlations, one_key)(TWINS))


# Conduct as a generator of JAX.


def test_data_key_is_a_fast_key_drawn_from_the_given_key():
    @jax.jit
    def drawn():
        key = data_key(jax.random.key(3))
        return key, jax.random.key_data(key), jax.random.bits(jax.random.key(3), (2,), jnp.uint32)

    key, data, expected = drawn()
    assert jax.random.key_impl(key) == FAST
    np.testing.assert_array_equal(data, expected)


def test_data_key_consumes_its_key():
    key = jax.random.key(3)
    with jax.debug_key_reuse(True):
        data_key(key)
        with pytest.raises(jax.errors.KeyReuseError):
            data_key(key)


def test_default_generator_is_left_alone():
    assert str(jax.random.key_impl(jax.random.key(0))) == THREEFRY


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_the_generator_that_jax_is_set_to_changes_no_number(impl):
    """Of prompts and of models drawn anew, by a training that a study shares and by one of its cells."""
    training = Training(
        partial(Transformer.initialise, 2, init_scale=0.5),
        LinearRegression(3, 2),
        FitConfig(num_steps=2, batch_size=4, chunk_size=2),
        seeds=2,
    )
    cells = [place_shared(training), study("oswald2023-prop1", "smoke", seeds=1).placed()[0]]
    with jax.numpy_dtype_promotion("standard"):  # which optax needs
        expected = [cell.compute(Workspace()) for cell in cells]
    with jax.default_prng_impl(impl), jax.numpy_dtype_promotion("standard"):
        assert str(jax.random.key_impl(jax.random.key(0))) == impl
        found = [cell.compute(Workspace()) for cell in cells]
    for ours, theirs in zip(found, expected, strict=True):
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_settings_that_change_threefrys_bits_are_in_the_name_of_a_result():
    def placed():
        return study("oswald2023-prop1", "smoke").placed()[0].key

    with jax.threefry_partitionable(False):
        other = placed()
    jax.config.update("jax_random_seed_offset", 3)
    try:
        moved = placed()
    finally:
        jax.config.update("jax_random_seed_offset", 0)
    with jax.default_prng_impl("rbg"):
        same = placed()
    assert same == placed()
    assert len({same, other, moved}) == 3


def test_single_precision_normals_are_the_inverse_error_function(monkeypatch):
    """Of the odd multiples of 2^-24 on (-1, 1), the outermost and the two about 0 among them.

    Relative error: 4e-7 of the polynomial, and 2^-24 for each of some 30 roundings.
    """
    top = np.uint32(2**32 - 1)
    words = np.append(np.arange(0, 2**32, 4097, dtype=np.uint32), [top, top >> 1, (top >> 1) + np.uint32(1)])

    @jax.jit
    def normals_of(words):
        monkeypatch.setattr(jax.random, "bits", lambda key, shape, dtype: words)
        return normal(jax.random.key(0), words.shape)

    with jax.enable_x64(False):
        actual = np.asarray(normals_of(words))
    assert actual.dtype == np.float32
    uniform = (2.0 * (words >> 8) + 1) / 2**24 - 1
    np.testing.assert_allclose(actual, np.sqrt(2) * special.erfinv(uniform), rtol=4e-7 + 30 * 2**-24)


WIDTHS = (jnp.uint8, jnp.uint16, jnp.uint32, jnp.uint64)


def test_bits_are_the_same_however_they_are_drawn():
    """One by one, under nested vmap and jit, inside a scan and without compilation; of every width."""

    def draw(key):
        return [jax.random.bits(jax.random.clone(key), (5,), dtype) for dtype in WIDTHS]

    @jax.jit
    def together(data):
        keys = jax.random.wrap_key_data(data, impl=FAST)
        rows = jax.vmap(draw)
        return jax.vmap(rows)(keys), jax.lax.scan(lambda carry, row: (carry, rows(row)), None, keys)[1]

    data = np.random.default_rng(4).integers(2**32, size=(2, 3, 2), dtype=np.uint32)
    alone = jax.jit(lambda data: draw(jax.random.wrap_key_data(data, impl=FAST)))
    one_by_one = [[alone(key) for key in row] for row in data]
    last = jax.random.wrap_key_data(jnp.asarray(data[1, 2]), impl=FAST)
    with jax.disable_jit():
        uncompiled = draw(last)
    vmapped, scanned = together(data)
    for i, dtype in enumerate(WIDTHS):
        expected = np.array([[words[i] for words in row] for row in one_by_one])
        assert expected.dtype == dtype
        np.testing.assert_array_equal(vmapped[i], expected)
        np.testing.assert_array_equal(scanned[i], expected)
        np.testing.assert_array_equal(uncompiled[i], expected[1, 2])


def test_narrow_words_are_the_top_of_wide_ones():
    draws = jax.jit(lambda: [jax.random.bits(jax.random.key(5, impl=FAST), (64,), dtype) for dtype in WIDTHS])
    narrow, middle, wide, double = map(np.asarray, draws())
    np.testing.assert_array_equal(narrow, wide >> 24)
    np.testing.assert_array_equal(middle, wide >> 16)
    np.testing.assert_array_equal(double & 0xFFFFFFFF, wide)


def test_a_shorter_draw_is_the_start_of_a_longer_one():
    draws = jax.jit(lambda: [jax.random.bits(jax.random.key(5, impl=FAST), (n,)) for n in (7, 64)])
    short, long = map(np.asarray, draws())
    np.testing.assert_array_equal(short, long[:7])


def test_a_key_splits_into_any_shape():
    shapes = ((), (1,), (0,), (2, 3))
    keys = jax.jit(lambda: [jax.random.split(jax.random.key(6, impl=FAST), shape) for shape in shapes])()
    for each, shape in zip(keys, shapes, strict=True):
        assert each.shape == shape
        data = np.asarray(jax.random.key_data(each)).reshape(-1, 2)
        assert len(np.unique(data, axis=0)) == len(data)


def test_fold_in_under_vmap_is_one_by_one():
    @jax.jit
    def fold(number):
        return jax.random.key_data(jax.random.fold_in(jax.random.key(6, impl=FAST), number))

    numbers = np.array([0, 1, 2**31, 2**32 - 1], np.uint32)
    one_by_one = [fold(number) for number in numbers]
    np.testing.assert_array_equal(jax.jit(jax.vmap(fold))(numbers), one_by_one)


def test_seeds_differ_and_their_width_does_not_matter():
    seeds = (0, 1, 2, 2**31, 2**32, 2**32 + 1, 2**62)

    @jax.jit
    def words():
        return [jax.random.key_data(jax.random.key(seed, impl=FAST)) for seed in (*seeds, jnp.int32(2))]

    *wide, narrow = (tuple(np.asarray(each)) for each in words())
    assert len(set(wide)) == len(seeds)
    assert narrow == wide[2]


def test_one_key_gives_fewer_than_2_to_the_32_numbers():
    with pytest.raises(ValueError, match="Split the key"):
        jax.jit(lambda: jax.random.bits(jax.random.key(0, impl=FAST), (2**16, 2**16), jnp.uint32)).lower()


def test_outputs_are_the_stored_ones():
    """A change of the generator changes every trained number: it must be meant."""

    @jax.jit
    def found():
        first, second, *others = (jax.random.key(2022, impl=FAST) for _ in range(5))
        keys = first, jax.random.split(second), jax.random.fold_in(others[0], 7)
        bits = (jax.random.bits(key, (2,), dtype) for key, dtype in zip(others[1:], WIDTHS[2:], strict=True))
        return *map(jax.random.key_data, keys), *bits

    stored = (
        [0x1593570F, 0x18E6E44C],
        [[0x7A39F0A6, 0x909D8C29], [0xCADE1F88, 0x438D5A05]],
        [0x66C77068, 0x5E050569],
        [0x8D7A19FD, 0x4E020946],
        [0x53B7B0BD8D7A19FD, 0x5B2EAB8C4E020946],
    )
    for actual, expected in zip(found(), stored, strict=True):
        np.testing.assert_array_equal(actual, np.array(expected, actual.dtype))
