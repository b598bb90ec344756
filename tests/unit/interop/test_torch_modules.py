"""PyTorch modules as subjects, against numpy and against this package's own ridge regression."""

import numpy as np
import pytest

from mesascope import extras
from mesascope.algorithms.ridge import Ridge
from mesascope.extras import ExtraError
from mesascope.interop.predictors import PredictorSubject
from mesascope.interop.torch_modules import TorchSubject

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
XS, YS, QUERIES = RNG.normal(size=(3, 6, 3)), RNG.normal(size=(3, 6, 2)), RNG.normal(size=(3, 2, 3))
EPS = np.finfo(float).eps


class RidgeModule(torch.nn.Module):
    """Ridge regression; in training mode it drops its inputs, to be caught out."""

    def __init__(self, penalty):
        super().__init__()
        self.penalty = torch.nn.Parameter(torch.tensor(penalty, dtype=torch.float64))
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, xs, ys, queries):
        xs = self.drop(xs)
        gram = xs.mT @ xs + self.penalty * torch.eye(xs.shape[-1], dtype=xs.dtype)
        return queries @ torch.linalg.solve(gram, xs.mT @ ys)


class Stack(torch.nn.Module):
    """Linear blocks on tokens of n labelled examples and m queries; labels are read out of the queries' tokens."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        torch.manual_seed(0)
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(5, 5, dtype=dtype) for _ in range(3)])
        self.deep = torch.nn.ModuleDict({"norm": torch.nn.LayerNorm(5, dtype=dtype)})
        self.head = torch.nn.Linear(5, 2, dtype=dtype)

    def forward(self, xs, ys, queries):
        padded = torch.nn.functional.pad(queries, (0, 2))
        tokens = torch.cat([torch.cat([xs, ys], dim=2), padded], dim=1)
        for block in self.blocks:
            tokens = tokens + torch.tanh(block(tokens)) + tokens.mean(dim=1, keepdim=True)
        return self.head(tokens)[:, xs.shape[1] :]


def assert_close(actual, expected, eps=EPS):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e3 * eps * (1 + np.abs(expected).max()))


def test_ridge_in_torch_is_this_package_s_ridge_and_its_jacobian_the_weights():
    module = RidgeModule(0.3)
    theirs, ours = TorchSubject(module), PredictorSubject(Ridge(0.3))
    assert_close(theirs.predictions(XS, YS, QUERIES), ours.predictions(XS, YS, QUERIES))
    assert_close(theirs.jacobian(XS, YS, QUERIES), ours.jacobian(XS, YS, QUERIES))
    backwards = [each[::-1] for each in (XS, YS, QUERIES)]  # views, of which PyTorch itself makes no tensor
    assert_close(theirs.predictions(*backwards)[::-1], ours.predictions(XS, YS, QUERIES))
    assert theirs.hidden(XS, YS, QUERIES) is None
    assert theirs.layers(XS, YS, QUERIES) is None
    assert theirs.untrained(0) is None  # its one parameter is one number
    assert module.training
    assert module.drop.training
    assert module.penalty.grad is None


def test_a_module_in_evaluation_mode_stays_there_and_a_failing_one_is_put_back():
    module = Stack()
    module.blocks.eval()
    with pytest.raises(RuntimeError):
        TorchSubject(module).predictions(XS[..., :2], YS, QUERIES)
    assert (module.training, module.blocks[1].training, module.head.training) == (True, False, True)


def test_threads_and_generators_are_left_as_they_are():
    before = torch.get_num_threads(), torch.random.get_rng_state()
    subject = TorchSubject(Stack())
    torch.random.set_rng_state(before[1])
    subject.predictions(XS, YS, QUERIES)
    subject.untrained(0)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])


@pytest.mark.parametrize(("dtype", "options", "expected", "eps"), [
    (torch.float32, {}, np.float32, np.finfo(np.float32).eps),
    (torch.float32, {"float64": True}, np.float64, EPS),
    (torch.float64, {}, np.float64, EPS),
    (torch.bfloat16, {}, np.float32, 2.0**-8),
])  # fmt: skip
def test_answers_are_in_the_precision_of_the_weights(dtype, options, expected, eps):
    module = Stack(dtype)
    found = TorchSubject(module, **options).predictions(XS, YS, QUERIES)
    assert found.dtype == expected
    double = Stack(torch.float64)
    double.load_state_dict(module.state_dict())
    exact = double(*map(torch.tensor, (XS, YS, QUERIES))).detach().numpy()
    factor = 1e3 if eps < 1e-5 else 10  # of so few roundings, the bound in half precision says something yet
    np.testing.assert_allclose(found, exact, rtol=0, atol=factor * eps * (1 + np.abs(exact).max()))
    assert np.abs(found - exact).max() > 0 or eps == EPS
    assert next(module.parameters()).dtype == dtype


def test_hooks_find_each_layer_at_the_queries():
    module = Stack(torch.float64)
    found = TorchSubject(module).hidden(XS, YS, QUERIES)
    tokens = np.concatenate([np.concatenate([XS, YS], axis=2), np.pad(QUERIES, ((0, 0), (0, 0), (0, 2)))], axis=1)
    expected = []
    for block in module.blocks:
        linear = tokens @ block.weight.detach().numpy().T + block.bias.detach().numpy()
        expected.append(linear[:, 6:])
        tokens = tokens + np.tanh(linear) + tokens.mean(axis=1, keepdims=True)
    assert_close(found, np.stack(expected))
    one = TorchSubject(module, layers=["blocks.1"]).hidden(XS, YS, QUERIES)
    assert_close(one, np.stack(expected[1:2]))
    shifted = TorchSubject(module, at_queries=lambda output, m: output[:, :m]).hidden(XS, YS, QUERIES)
    assert np.abs(shifted - found).max() > 1e-3
    head = module.head
    read = TorchSubject(module, head=head).layers(XS, YS, QUERIES)
    assert_close(read, np.stack(expected) @ head.weight.detach().numpy().T + head.bias.detach().numpy())
    assert not any(block._forward_hooks for block in module.blocks)


def test_layers_that_are_not_there_or_not_to_be_guessed():
    module = Stack()
    with pytest.raises(ValueError, match=r"`layers` must name submodules; got 'blocks.7'.* Did you mean 'blocks"):
        TorchSubject(module, layers=["blocks.7"])
    module.others = torch.nn.ModuleList([torch.nn.Identity()])
    assert TorchSubject(module).hidden(XS, YS, QUERIES) is None


def test_a_function_of_tensors_answers_in_the_precision_of_the_question():
    def step(xs, ys, queries):
        return queries @ (xs.mT @ ys)

    subject = TorchSubject(step)
    weights = np.einsum("bni,bnj->bji", XS, YS)
    assert_close(subject.predictions(XS, YS, QUERIES), np.einsum("bji,bmi->bmj", weights, QUERIES))
    assert_close(subject.jacobian(XS, YS, QUERIES), np.broadcast_to(weights[:, None], (3, 2, 2, 3)))
    assert (subject.untrained(0), subject.name) == (None, "step")
    assert TorchSubject(lambda xs, ys, queries: queries[..., :2].detach()).jacobian(XS, YS, QUERIES) is None
    constant = TorchSubject(lambda xs, ys, queries: queries[..., :2] * 0 + torch.ones(2, dtype=xs.dtype))
    assert_close(constant.jacobian(XS, YS, QUERIES), np.zeros((3, 2, 2, 3)))


def test_an_untrained_copy_has_other_weights_and_the_module_its_own():
    module = Stack()
    subject = TorchSubject(module)
    before = {name: each.clone() for name, each in module.state_dict().items()}
    answers = [each.predictions(XS, YS, QUERIES) for each in (subject, *map(subject.untrained, (0, 0, 1)))]
    assert np.array_equal(answers[1], answers[2])
    assert min(np.abs(answers[1] - each).max() for each in (answers[0], answers[3])) > 1e-3
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())
    assert subject.untrained(0).hidden(XS, YS, QUERIES).shape == (3, 3, 2, 5)


def test_what_is_no_module_or_answers_no_tensor_is_refused():
    with pytest.raises(ValueError, match="`module` must be a module or a function of tensors; got the class Stack it"):
        TorchSubject(Stack)
    with pytest.raises(ValueError, match="answers must be a tensor; got ndarray"):
        TorchSubject(lambda xs, ys, queries: np.zeros(3)).predictions(XS, YS, QUERIES)


def test_without_the_extra_its_installation_is_told(monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, "torch", ("not-a-package-of-anybody",))
    with pytest.raises(ExtraError, match=r"needs the extra `torch`: pip install 'mesascope\[torch\]'"):
        TorchSubject(Stack())
