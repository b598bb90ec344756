"""The predictors of the benches say in JavaScript what the library says in Python."""

import json
import shutil
import subprocess

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from chromium import launched
from mesascope.algorithms.along_sequence import GradientDescentAlongSequence
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.harmonic_recursion import HarmonicRecursion
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt, Sequence
from mesascope.report.bench.page import asset

ANSWER = """({layer, xs, ys, query, rate, steps, penalty, states}) => [
    layerPrediction(layer, xs, ys, query),
    query * descentSlope(xs, ys, rate, steps),
    query * ridgeSlope(xs, ys, penalty),
    query * leastSquaresSlope(xs, ys),
    recursion(states).next,
    stepAlongSequence(states, rate),
].flat()"""


def question(seed, num_examples, num_states, num_steps):
    """All that the predictors are asked, of a seed."""
    random = np.random.default_rng(seed)
    xs, ys = random.normal(size=(2, num_examples))
    weights = random.normal(size=(2, 2, 2))
    states = random.normal(size=(num_states, 2))
    rate, penalty = random.uniform(0.05, 2.0, size=2)
    return {
        "layer": {"key_query": weights[0].tolist(), "output_value": weights[1].tolist()},
        **{"xs": xs.tolist(), "ys": ys.tolist(), "query": random.normal(), "states": states.tolist()},
        **{"rate": rate, "steps": num_steps, "penalty": penalty},
    }


def answer(asked):
    """What the library's predictors say, in the order of the script's."""
    xs, ys = (jnp.array(asked[name])[:, None] for name in ("xs", "ys"))
    prompt = Prompt(xs, ys, jnp.array([asked["query"]]), jnp.zeros(1))
    key_query, output_value = (jnp.array([weights]) for weights in asked["layer"].values())
    identity = jnp.eye(2)[None]
    of_prompts = (
        Transformer((LinearSelfAttention(identity, key_query, output_value, identity),), JoinedTokens(1)),
        GradientDescent(jnp.asarray(asked["rate"]), asked["steps"]),
        Ridge(jnp.asarray(asked["penalty"])),
        LeastSquares(),
    )
    of_sequences = (HarmonicRecursion(), GradientDescentAlongSequence(jnp.asarray(asked["rate"])))
    return np.asarray(said(of_prompts, of_sequences, prompt, Sequence(jnp.array(asked["states"]))))


@eqx.filter_jit
def said(of_prompts, of_sequences, prompt, sequence):
    predictions = [model(prompt) for model in of_prompts] + [model.predictions(sequence)[-1] for model in of_sequences]
    return jnp.concatenate(predictions)


@pytest.fixture(scope="module")
def questions():
    sizes = ((1, 1, 1), (2, 3, 2), (11, 8, 5))
    asked = [question(seed, *size) for seed in range(4) for size in sizes]
    return asked, [answer(each) for each in asked]


def assert_agree(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_in_a_browser(questions):
    asked, expected = questions
    with launched() as browser:
        page = browser.new_page()
        page.add_script_tag(content=asset("predict.js"))
        assert_agree(page.evaluate(f"asked => asked.map({ANSWER})", asked), expected)


def test_in_node(questions):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    asked, expected = questions
    code = f"{asset('predict.js')};console.log(JSON.stringify({json.dumps(asked)}.map({ANSWER})))"
    done = subprocess.run([node, "-e", code], capture_output=True, text=True, check=True, timeout=60)
    assert_agree(json.loads(done.stdout), expected)
