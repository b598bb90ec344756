"""The benchmarks run, at sizes that measure nothing, and their plain side computes what ours does."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import equinox as eqx
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


@pytest.mark.parametrize(
    "words", [("one_layer.py",), ("deep.py", "--stacks", "2 tied layers")], ids=lambda words: words[0]
)
def test_a_benchmark_of_training_prints_a_ratio_of_what_it_measured(words):
    printed = run_benchmark(*words, "--seeds", "1", "--batch-size", "4")
    plain, ours, ratios = (
        [float(number) for number in re.findall(rf"^{word} +([0-9.]+)", printed, re.MULTILINE)]
        for word in ("plain", "mesascope", "ratio")
    )
    assert len(plain) == len(ours) == len(ratios) == 1
    np.testing.assert_allclose(ratios, np.divide(plain, ours), rtol=0.1, atol=0.05)  # printed to few digits


def test_the_benchmark_of_context_length_draws_its_plot(tmp_path):
    printed = run_benchmark("context_length.py", "--lengths", "10", "--to", str(tmp_path))
    assert "ratio at 10 examples" in printed
    assert (tmp_path / "context_length.png").read_bytes().startswith(b"\x89PNG")


def test_the_benchmark_of_sequences_prints_ratios_memory_and_draws_its_plot(tmp_path):
    sizes = ["--steps", "1", "--seeds", "1", "--batch-size", "4", "--heads", "3", "--lengths", "8"]
    printed = run_benchmark("autoregressive.py", *sizes, "--to", str(tmp_path))
    ratios = [float(number) for number in re.findall(r"^ratio ([0-9.]+)$", printed, re.MULTILINE)]
    times = [float(number) for number in re.findall(r"^\w+ +([0-9.]+) ms a step and seed$", printed, re.MULTILINE)]
    ours = [float(number) for number in re.findall(r"^mesascope +([0-9.]+) ms", printed, re.MULTILINE)]
    assert len(ratios) == 2
    plain = min(times[: times.index(ours[0])])
    np.testing.assert_allclose(ratios[0], plain / ours[0], rtol=0.1, atol=0.06)  # printed to few digits
    assert all(float(number) > 0 for number in re.findall(r"^\w+ +([0-9]+) MB at most", printed, re.MULTILINE))
    assert "memory " in printed
    assert (tmp_path / "sequence_length.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["two_layers", "many_heads"])
@pytest.mark.parametrize("side", ["JAX", "PyTorch"])
def test_the_plain_models_of_sequences_predict_what_ours_do(name, side, monkeypatch, key):
    """Random weights, biases and positions, in double precision."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    ours, plain = __import__("autoregressive"), __import__("plain_sequences")
    make_model = partial(getattr(ours, name), **({"num_heads": 3} if name == "many_heads" else {}))
    init_key, sequence_key = jax.random.split(key)
    model, sequences = eqx.filter_jit(make_model)(init_key), eqx.filter_jit(ours.PROCESS.sample_batch)(sequence_key, 5)
    draws = np.random.default_rng(0)
    model = jax.tree.map(
        lambda leaf: leaf + 0.1 * draws.normal(size=leaf.shape) if eqx.is_inexact_array(leaf) else leaf, model
    )
    expected = np.asarray(eqx.filter_jit(lambda model: jax.vmap(model.next_states)(sequences))(model))
    settings = ours.AUGMENTED if name == "two_layers" else ours.REPEATED
    if side == "JAX":
        with jax.numpy_rank_promotion("allow"):
            found = jax.jit(partial(plain.plain_predict, **settings))(plain.weights_of(model), sequences.states)
    else:
        torch = pytest.importorskip("torch")
        layers = [{k: torch.tensor(v) for k, v in layer.items()} for layer in plain.weights_of(model)]
        found = plain.torch_predict(layers, torch.tensor(np.asarray(sequences.states)), **settings).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


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
    theirs, ours = (np.asarray(jax.jit(jax.vmap(predict))(prompts)) for predict in (plain, model))
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e3 * np.finfo(float).eps * np.abs(ours).max())
