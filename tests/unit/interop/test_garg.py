"""The layout of Garg et al. 2022, and causal models of Hugging Face's: a small GPT-2 is written by the test."""

import numpy as np
import pytest

from mesascope import extras
from mesascope.arrays import UnusableFile
from mesascope.extras import ExtraError
from mesascope.interop.garg import GargSubject
from mesascope.interop.huggingface import HuggingFaceSubject
from mesascope.interop.interleaving import asked_last, interleaved

torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")

RNG = np.random.default_rng(0)
XS, YS, QUERIES = RNG.normal(size=(4, 6, 3)), RNG.normal(size=(4, 6, 1)), RNG.normal(size=(4, 2, 3))
SIZES = {"n_dims": 3, "n_positions": 9, "n_embd": 8, "n_layer": 3, "n_head": 2}
EPS = np.finfo(float).eps


@pytest.fixture(scope="module")
def module():
    """Of weights that are large enough for every layer to matter, written out in the layout of the paper's code."""

    class Interleaved(torch.nn.Module):
        def __init__(self):
            super().__init__()
            config = transformers.GPT2Config(n_positions=18, n_embd=8, n_layer=3, n_head=2, resid_pdrop=0.0)
            config.embd_pdrop = config.attn_pdrop = 0.0
            self._read_in, self._read_out = torch.nn.Linear(3, 8), torch.nn.Linear(8, 1)
            self._backbone = transformers.GPT2Model(config)

        def forward(self, xs, ys, inds=None):
            answers = []
            for i in range(ys.shape[1]):  # prefix by prefix: what comes later is not there
                tokens = []
                for x, y in zip(xs[:, :i].unbind(1), ys[:, :i].unbind(1), strict=True):
                    tokens += [x, torch.stack([y, *[torch.zeros_like(y)] * 2], dim=1)]
                tokens = torch.stack([*tokens, xs[:, i]], dim=1)
                states = self._backbone(inputs_embeds=self._read_in(tokens)).last_hidden_state
                answers.append(self._read_out(states[:, -1])[:, 0])
            return torch.stack(answers, dim=1)

    torch.manual_seed(0)
    made = Interleaved().eval()
    with torch.no_grad():
        for each in made.parameters():
            each.add_(0.3 * torch.randn_like(each))
    return made.double()


@pytest.fixture
def folder(module, tmp_path):
    return written(tmp_path, module.float().state_dict(), restore=module)


def written(folder, weights, restore=None, **sizes):
    """A folder as the paper's training leaves it: with the optimiser's state, and a class's tag in the YAML."""
    lines = "\n".join(f"  {name}: {size}" for name, size in {**SIZES, **sizes}.items())
    (folder / "config.yaml").write_text(f"model: !munch.Munch\n  family: gpt2\n{lines}\ntraining:\n  task: x\n")
    weights = {name: each.clone() for name, each in weights.items()}
    torch.save({"model_state_dict": weights, "optimizer_state_dict": {"lr": 0.1}, "train_step": 7}, folder / "state.pt")
    torch.save(weights, folder / "model_5.pt")
    if restore is not None:
        restore.double()
    return folder


def by_module(module, xs, ys):
    with torch.no_grad():
        return module(torch.tensor(xs), torch.tensor(ys[..., 0])).numpy()[..., None]


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e3 * EPS * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("step", [None, 5])
def test_a_folder_answers_as_the_module_that_wrote_it_at_every_prefix(module, folder, step):
    subject = GargSubject.read(folder, step=step, float64=True)
    prefixes = by_module(module, XS, YS)
    assert_close(subject.prefixes(XS, YS), prefixes)
    for n in (0, 1, 5):
        assert_close(subject.predictions(XS[:, :n], YS[:, :n], XS[:, n:])[:, 0], prefixes[:, n])
    assert (subject.max_examples, subject.dim_x, subject.dim_y, subject.name) == (8, 3, 1, folder.name)
    single = GargSubject.read(folder).prefixes(XS, YS)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, prefixes, rtol=0, atol=1e3 * np.finfo(np.float32).eps)


def test_answers_do_not_depend_on_what_comes_later_on_other_queries_or_on_blocks(module):
    subject = GargSubject(module)
    answers = subject.predictions(XS, YS, QUERIES)
    assert_close(GargSubject(module, batch_size=3).predictions(XS, YS, QUERIES), answers)
    assert_close(subject.predictions(XS, YS, QUERIES[:, ::-1])[:, ::-1], answers)
    xs, ys = XS.copy(), YS.copy()
    xs[:, 4:], ys[:, 3:] = 7.0, -7.0
    assert_close(subject.prefixes(xs, ys)[:, :4], subject.prefixes(XS, YS)[:, :4])
    assert np.abs(subject.prefixes(xs, ys)[:, 4:] - subject.prefixes(XS, YS)[:, 4:]).min() > 1e-3


def test_layers_are_what_a_model_of_fewer_layers_answers(module, folder):
    """By the module whose later blocks are taken away: the final norm is its own."""
    found = GargSubject.read(folder, float64=True).layers(XS, YS, QUERIES)
    asked = np.concatenate([XS, QUERIES[:, :1]], axis=1), np.concatenate([YS, np.zeros((4, 1, 1))], axis=1)
    blocks = module._backbone.h
    try:
        for depth in (1, 2, 3):
            module._backbone.h = blocks[:depth]
            assert_close(found[depth - 1, :, 0], by_module(module, *asked)[:, -1])
    finally:
        module._backbone.h = blocks
    hidden = GargSubject(module).hidden(XS, YS, QUERIES)
    with torch.no_grad():
        read = module._read_out(module._backbone.ln_f(torch.tensor(hidden))).numpy()
    assert_close(read, found)
    assert GargSubject(lambda xs, ys: ys).layers(XS, YS, QUERIES) is None
    assert GargSubject(lambda xs, ys: ys).untrained(0) is None


def test_a_causal_language_model_between_maps_answers_as_garg_s_layout(module):
    language_model = transformers.GPT2LMHeadModel(module._backbone.config).double().eval()
    language_model.transformer.load_state_dict(module._backbone.state_dict())
    subject = HuggingFaceSubject(language_model, module._read_in, module._read_out)
    reference = GargSubject(module)
    assert_close(subject.predictions(XS, YS, QUERIES), reference.predictions(XS, YS, QUERIES))
    assert_close(subject.prefixes(XS, YS), reference.prefixes(XS, YS))
    assert_close(subject.layers(XS, YS, QUERIES), reference.layers(XS, YS, QUERIES))
    assert (subject.max_examples, subject.dim_x, subject.dim_y) == (8, 3, 1)
    other, again = subject.untrained(0), subject.untrained(0)
    assert_close(other.predictions(XS, YS, QUERIES), again.predictions(XS, YS, QUERIES))
    assert np.abs(other.predictions(XS, YS, QUERIES) - subject.predictions(XS, YS, QUERIES)).max() > 1e-3
    assert np.abs(reference.untrained(0).prefixes(XS, YS) - reference.prefixes(XS, YS)).max() > 1e-3


def test_a_llama_is_read_out_behind_its_own_final_norm():
    config = transformers.LlamaConfig(
        vocab_size=5, hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2
    )
    torch.manual_seed(0)
    model, read_in = transformers.LlamaForCausalLM(config), torch.nn.Linear(3, 8)
    subject = HuggingFaceSubject(model, read_in, torch.nn.Linear(8, 2), float64=True)
    ys = RNG.normal(size=(4, 6, 2))
    layers = subject.layers(XS, ys, QUERIES)
    assert_close(layers[-1], subject.predictions(XS, ys, QUERIES))
    assert np.abs(layers[0] - layers[1]).max() > 1e-3
    assert layers.shape == (2, 4, 2, 2)


def test_old_buffers_are_left_out_and_real_differences_are_errors(module, tmp_path):
    weights = module.state_dict()
    buffers = {"_backbone.h.0.attn.bias": torch.ones(1, 1, 18, 18), "_backbone.h.0.attn.masked_bias": torch.ones(())}
    subject = GargSubject.read(written(tmp_path, weights | buffers), float64=True)
    np.testing.assert_allclose(
        subject.prefixes(XS, YS), by_module(module, XS, YS), rtol=0, atol=1e3 * np.finfo(np.float32).eps
    )
    without = {name: each for name, each in weights.items() if name != "_read_out.bias"}
    for changed, sizes, message in (
        (without, {}, r"state.pt cannot be used: it lacks _read_out.bias"),
        (weights | {"_extra": torch.ones(1)}, {}, "it holds, beside the model's weights, _extra"),
        (weights, {"n_dims": 4}, r"_read_in.weight of shape \(8, 3\) instead of \(8, 4\), against config.yaml"),
        (weights, {"n_layer": 4}, r"it lacks _backbone.h.3.attn.c_attn.bias, .* and others"),
    ):
        with pytest.raises(UnusableFile, match=message):
            GargSubject.read(written(tmp_path, changed, **sizes))


def test_damaged_and_missing_files_are_told(folder):
    with pytest.raises(FileNotFoundError, match=r"model_6\.pt"):
        GargSubject.read(folder, step=6)
    (folder / "state.pt").write_bytes(b"nothing")
    with pytest.raises(UnusableFile, match=r"state\.pt cannot be used: it holds no weights"):
        GargSubject.read(folder)
    for text, message in (
        (
            "model: {family: lstm, n_dims: 3, n_positions: 9, n_embd: 8, n_layer: 3, n_head: 2}",
            "family 'lstm', not gpt2",
        ),
        ("model: {n_dims: 3}", r"no section `model` with n_dims, .* \(KeyError: 'n_positions'\)"),
        ("model: !!python/object:os.system {}", "no section `model`"),
        ("- [", "no section `model`"),
    ):
        (folder / "config.yaml").write_text(text)
        with pytest.raises(UnusableFile, match=message):
            GargSubject.read(folder)
    (folder / "config.yaml").unlink()
    with pytest.raises(FileNotFoundError, match=r"config\.yaml"):
        GargSubject.read(folder)


def test_labels_of_several_numbers_and_what_is_no_module_are_refused(module):
    with pytest.raises(ValueError, match="`ys` must have one number a label in this layout; got 2"):
        GargSubject(module).predictions(XS, XS[..., :2], QUERIES)
    with pytest.raises(ValueError, match="`module` must be a module that takes xs and ys"):
        GargSubject(3)
    with pytest.raises(ValueError, match="`read_out` must be a module or a function of tensors; got int"):
        HuggingFaceSubject(module._backbone, module._read_in, 3)
    with pytest.raises(ValueError, match="`ys` must be no larger than inputs"):
        interleaved(XS[..., :1], XS)


def test_tokens_stand_in_turn_and_queries_last():
    tokens = interleaved(XS, XS[..., :2])
    assert np.array_equal(tokens[:, ::2], XS)
    assert np.array_equal(tokens[:, 1::2], np.pad(XS[..., :2], ((0, 0), (0, 0), (0, 1))))
    seen = []

    def last(xs, ys):
        seen.append(len(xs))
        assert np.array_equal(ys[:, -1], np.zeros((len(ys), 1)))
        return xs[:, -1]

    assert np.array_equal(asked_last(last, 5, XS, YS, QUERIES), QUERIES)
    assert seen == [5, 3]


def test_without_the_extra_its_installation_is_told(monkeypatch, folder):
    monkeypatch.setitem(extras.EXTRAS, "huggingface", ("not-a-package-of-anybody",))
    with pytest.raises(ExtraError, match=r"pip install 'mesascope\[huggingface\]'"):
        GargSubject.read(folder)
