"""The benchmarks run, at sizes that measure nothing, and their plain side computes what ours does."""

import importlib
import re
import runpy
import sys
from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope as ms
from mesascope.models.attention import LinearSelfAttention
from mesascope.prompt import Sequence

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def run_benchmark(monkeypatch, capsys, as_installed):
    """Runs a script in this process, which is slow to start, with JAX as a user has it; gives what it prints."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    keep_programs = jax.config.jax_enable_compilation_cache  # pyright: ignore[reportAttributeAccessIssue]

    def run(name, *words):
        monkeypatch.setattr(sys, "argv", [name, "--rounds", "1", *words])
        with (
            jax.enable_x64(False),
            jax.numpy_dtype_promotion("standard"),
            jax.numpy_rank_promotion("allow"),
            jax.debug_key_reuse(False),
        ):
            runpy.run_path(str(BENCHMARKS / name), run_name="__main__")
        return capsys.readouterr().out

    yield run
    jax.config.update("jax_enable_compilation_cache", keep_programs)


@pytest.mark.parametrize(
    "words", [("one_layer.py",), ("deep.py", "--stacks", "2 tied layers")], ids=lambda words: words[0]
)
def test_a_benchmark_of_training_prints_a_ratio_of_what_it_measured(run_benchmark, words):
    printed = run_benchmark(*words, "--seeds", "1", "--batch-size", "4")
    plain, ours, ratios = (
        [float(number) for number in re.findall(rf"^{word} +([0-9.]+)", printed, re.MULTILINE)]
        for word in ("plain", "mesascope", "ratio")
    )
    assert len(plain) == len(ours) == len(ratios) == 1
    np.testing.assert_allclose(ratios, np.divide(plain, ours), rtol=0.1, atol=0.05)  # printed to few digits


def test_the_benchmark_of_context_length_draws_its_plot(run_benchmark, tmp_path):
    printed = run_benchmark("context_length.py", "--lengths", "10", "--to", str(tmp_path))
    assert "ratio at 10 examples" in printed
    assert (tmp_path / "context_length.png").read_bytes().startswith(b"\x89PNG")


def test_the_benchmark_of_sequences_prints_ratios_memory_and_draws_its_plot(run_benchmark, tmp_path):
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


def test_the_benchmark_of_candidates_finds_the_same_distances_on_both_sides(run_benchmark):
    pytest.importorskip("sklearn")
    printed = run_benchmark("identify.py", "--prompts", "5")
    rows = [line.split() for line in printed.splitlines()[2:]]
    names, apart = [row[0] for row in rows], [float(row[-1]) for row in rows]
    assert names == ["ridge", "least-squares", "gradient-descent", "nearest-neighbours", "kernel-ridge"]
    assert max(apart) < 1e6 * np.finfo(float).eps  # condition numbers of few examples are in the thousands
    ratios = [(float(row[1]) / float(row[2]), float(row[3])) for row in rows]
    np.testing.assert_allclose(*zip(*ratios, strict=True), rtol=0.1, atol=0.06)  # printed to few digits


def with_random_weights(make_model, draws):
    """The model that `make_model` makes, of other numbers, each matrix about an isometry; nothing is compiled."""
    return jax.tree.map(
        lambda leaf: jnp.asarray(draws.normal(size=leaf.shape) / leaf.shape[-1] ** 0.5),
        eqx.filter_eval_shape(make_model, jax.random.key(0)),
    )


@pytest.fixture(scope="module", params=["two_layers", "many_heads"])
def sequence_model(request):
    """What the benchmark calls it and how it is set up, a model, states, and what the model predicts on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        ours = importlib.import_module("autoregressive")
        plain = importlib.import_module("plain_sequences")
    many, draws = request.param == "many_heads", np.random.default_rng(0)
    model = with_random_weights(partial(ours.many_heads, num_heads=3) if many else ours.two_layers, draws)
    states = draws.normal(size=(5, ours.PROCESS.num_states, 5))
    predictions = np.asarray(jax.jit(jax.vmap(lambda each: model.next_states(Sequence(each))))(states))
    return plain, ours.REPEATED if many else ours.AUGMENTED, plain.weights_of(model), states, predictions


@pytest.mark.parametrize("side", ["JAX", "PyTorch"])
def test_the_plain_models_of_sequences_predict_what_ours_do(sequence_model, side):
    """Random weights, biases and positions, in double precision."""
    plain, settings, weights, states, expected = sequence_model
    if side == "JAX":
        with jax.numpy_rank_promotion("allow"):
            found = jax.jit(partial(plain.plain_predict, **settings))(weights, states)
    else:
        torch = pytest.importorskip("torch")
        layers = [{name: torch.tensor(array) for name, array in layer.items()} for layer in weights]
        found = plain.torch_predict(layers, torch.tensor(states), **settings).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.fixture(scope="module")
def prompt_model():
    """Two layers, weights of order one, twenty prompts of 6 examples of 3 inputs, and the predictions on them."""
    draws = np.random.default_rng(0)
    model = with_random_weights(lambda key: ms.Transformer.initialise(3, num_layers=2, key=key), draws)
    prompts = [draws.normal(size=(20, *shape)) for shape in ((6, 3), (6, 1), (3,), (1,))]
    predictions = jax.jit(jax.vmap(lambda *prompt: model(ms.Prompt(*prompt))))(*prompts)
    return model, prompts, np.asarray(predictions)


@pytest.mark.parametrize("module", ["plain", "context_length"])
def test_the_plain_side_computes_what_ours_does(module, monkeypatch, prompt_model):
    """To relative 1e3 eps of float64."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module(module)
    model, prompts, ours = prompt_model
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
    theirs = np.asarray(jax.jit(jax.vmap(lambda *prompt: plain(ms.Prompt(*prompt))))(*prompts))
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e3 * np.finfo(float).eps * np.abs(ours).max())
