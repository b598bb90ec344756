"""The benches as Python sees them: the trained layer, and the section that holds them."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.drawing.roles import GRADIENT_DESCENT, LEAST_SQUARES, TRAINED
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.report.bench import Layer, layer, section
from mesascope.report.bench.page import SCRIPTS, asset
from mesascope.runs.store import Store

WEIGHTS = Layer(((0.0, 0.1), (-0.5, 0.2)), ((0.3, 0.4), (0.54, 0.001)), 10, 1.0, best_rate=2.78)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A store's directory, with the trained layer in it."""
    directory = tmp_path_factory.mktemp("runs")
    with jax.numpy_dtype_promotion("standard"):  # as optax needs it
        layer(Store(directory))
    return directory


def test_the_trained_layer_is_about_one_step_at_the_best_rate(runs):
    trained = layer(Store(runs))
    assert trained.learned_rate == pytest.approx(trained.best_rate, rel=0.05)
    assert trained.best_rate == pytest.approx(3 / 1.08)


def test_the_layer_is_trained_once_and_read_in_plain_floats(runs):
    said = []
    trained = layer(Store(runs), report=lambda done, total, text: said.append(text))
    assert said == ["stored"]
    assert json.loads(json.dumps(trained._asdict()))["key_query"] == [list(row) for row in trained.key_query]


def test_the_learned_rate_is_that_of_the_step_in_the_layer():
    """Where W_KQ and P W_V have nothing else, the layer is that step, on as many examples as it was trained on."""
    trained = Layer(((-0.4, 0.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.6)), 3, 1.0, best_rate=2.78)
    xs, ys = jnp.array([[0.3], [-0.8], [0.5]]), jnp.array([[1.0], [0.2], [-0.4]])
    prompt = Prompt(xs, ys, jnp.array([0.7]), jnp.zeros(1))
    key_query, output_value = (jnp.array([weights]) for weights in (trained.key_query, trained.output_value))
    identity = jnp.eye(2)[None]
    model = Transformer((LinearSelfAttention(identity, key_query, output_value, identity),), JoinedTokens(1))
    np.testing.assert_allclose(model(prompt), GradientDescent(trained.learned_rate)(prompt), rtol=1e-12)


def test_a_section_is_whole_and_asks_for_nothing():
    anchor, title, html, (css,), (js,), *_ = section(WEIGHTS)
    assert title
    assert re.fullmatch(r"[a-z-]+", anchor)
    text = html + css + js.replace("http://www.w3.org/2000/svg", "")  # a name, which nothing is asked for
    assert not re.search(r"https?:|url\(|@import|fetch\(|import\(|src=", text)
    for role in (TRAINED, GRADIENT_DESCENT, LEAST_SQUARES):
        assert role["color"] in css
    assert all(asset(name) in js for name in SCRIPTS)


def test_no_text_ends_the_scripts():
    _, _, html, _, (js,), *_ = section(WEIGHTS._replace(best_rate="</script><b>"))
    assert "</" not in js
    (data,) = re.findall(r'<script type="application/json" id="bench-layer">(.*?)</script>', html)
    assert json.loads(data)["best_rate"] == "</script><b>"


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="`trained` must have finite weights; got"):
        section(WEIGHTS._replace(output_value=((0.0, 0.0), (float("nan"), 0.0))))


def test_scripts_are_short():
    assert max(len(asset(name).splitlines()) for name in SCRIPTS) <= 150
