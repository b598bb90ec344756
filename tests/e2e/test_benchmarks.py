"""The benchmarks run, at sizes that measure nothing, and their plain side computes what ours does."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import mesascope as ms
from mesascope.models.attention import LinearSelfAttention

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run_benchmark(name, *words):
    command = [sys.executable, str(BENCHMARKS / name), "--rounds", "1", *words]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize(("name", "num_ratios"), [("one_layer.py", 1), ("deep.py", 2)])
def test_a_benchmark_of_training_prints_a_ratio_of_what_it_measured(name, num_ratios):
    printed = run_benchmark(name, "--seeds", "1", "--batch-size", "4")
    plain, ours, ratios = (
        [float(number) for number in re.findall(rf"^{word} +([0-9.]+)", printed, re.MULTILINE)]
        for word in ("plain", "mesascope", "ratio")
    )
    assert len(plain) == len(ours) == len(ratios) == num_ratios
    np.testing.assert_allclose(ratios, np.divide(plain, ours), rtol=0.1, atol=0.05)  # printed to few digits


def test_the_benchmark_of_context_length_draws_its_plot(tmp_path):
    printed = run_benchmark("context_length.py", "--lengths", "10", "100", "--to", str(tmp_path))
    assert "ratio at 100 examples" in printed
    assert (tmp_path / "context_length.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("module", ["plain", "context_length"])
def test_the_plain_side_computes_what_ours_does(module, monkeypatch, key):
    """Two layers on twenty prompts of 6 examples of 3 inputs, weights of order one: relative 1e3 eps of float64."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = __import__(module)
    init_key, prompt_key = jax.random.split(key)
    model = ms.Transformer.initialise(3, num_layers=2, init_scale=1.0, key=init_key)
    prompts = ms.LinearRegression(6, 3).sample_batch(prompt_key, 20)
    if module.__name__ == "plain":
        layers = [{name: getattr(layer, name)[0].T for name in module.WEIGHTS} for layer in model.layers]

        def plain(prompt):
            context, query = model.tokens.embed(prompt)
            return module.plain_predict(layers, context, query)[None]

    else:
        layers = (
            module.PlainSelfAttention(each.key, each.query, each.value, each.output)
            for each in model.layers
            if isinstance(each, LinearSelfAttention)
        )
        plain = ms.Transformer(tuple(layers), model.tokens)
    theirs, ours = (np.asarray(jax.vmap(predict)(prompts)) for predict in (plain, model))
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e3 * np.finfo(float).eps * np.abs(ours).max())
