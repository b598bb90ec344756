"""A PyTorch module or function as a subject."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.extras import check_extra
from mesascope.interop.torch_calling import TorchCall, array_of, in_double, layers_of, outputs_of, untrained_copies
from mesascope.subject import AbstractSubject

if TYPE_CHECKING:
    import torch


class TorchSubject(AbstractSubject):
    """A module, or a function of tensors, xs [b n dx], ys [b n dy], queries [b m dx] -> predictions [b m dy].

    It is asked in evaluation mode, without gradients, on the device and in the precision of its parameters, or, as a
    copy, in double precision (`float64`). Answers in half precision become single. `layers` names the submodules whose
    outputs are hidden states; otherwise they are the entries of its one ModuleList, if it has one. `at_queries` takes
    the queries' part [b m k] out of an output; the default is the last m positions. `head` maps hidden states to
    predictions, for answers layer by layer. The jacobian is autograd's: a query a row of a batch, so that no query sees
    another. Its untrained copy has every parameter `redrawn`.
    """

    def __init__(
        self,
        module: Callable[..., Any],
        *,
        float64: bool = False,
        layers: Sequence[str] | None = None,
        at_queries: "Callable[[torch.Tensor, int], torch.Tensor] | None" = None,
        head: "Callable[[torch.Tensor], torch.Tensor] | None" = None,
        name: str | None = None,
    ):
        check_extra("torch")
        if not callable(module) or isinstance(module, type):
            got = f"the class {module.__name__} itself" if isinstance(module, type) else type(module).__name__
            raise ValueError(f"`module` must be a module or a function of tensors; got {got}. Make one.")
        self.name = name or getattr(module, "__name__", type(module).__name__)
        self.module, self.head = (in_double(module), in_double(head)) if float64 else (module, head)
        self._names = None if layers is None else tuple(layers)
        self._layers = layers_of(self.module, self._names)
        self._at_queries = at_queries or (lambda output, num_queries: output[:, -num_queries:])
        self._call = TorchCall([self.module, self.head])

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        with self._call.evaluating():
            return array_of(self.module(*self._call.tensors(xs, ys, queries)))

    def hidden(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        if not self._layers:
            return None
        return np.stack([array_of(each) for each in self._hidden(xs, ys, queries)])

    def layers(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        if self.head is None or not self._layers:
            return None
        hidden = self._hidden(xs, ys, queries)
        with self._call.evaluating():
            return np.stack([array_of(self.head(each)) for each in hidden])

    def jacobian(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        """As `AbstractSubject`'s; None where autograd does not reach the queries, or numbers are complex."""
        import torch

        (b, m, dim_x), dim_y = queries.shape, ys.shape[-1]
        alone = (np.repeat(xs, m, axis=0), np.repeat(ys, m, axis=0), queries.reshape(b * m, 1, dim_x))
        with self._call.evaluating(gradients=True):
            *context, asked = self._call.tensors(*alone)
            asked.requires_grad_()
            answers = self.module(*context, asked)
            if not answers.requires_grad or answers.is_complex() or asked.is_complex():
                return None
            rows = [
                torch.autograd.grad(answers[..., i].sum(), asked, retain_graph=True, materialize_grads=True)[0]
                for i in range(dim_y)
            ]
        return array_of(torch.stack(rows, dim=-2)).reshape(b, m, dim_y, dim_x)

    def untrained(self, seed: int) -> "TorchSubject | None":
        copies = untrained_copies([self.module, self.head], seed)
        if copies is None:
            return None
        module, head = copies
        name = f"{self.name}, untrained"
        return TorchSubject(module, layers=self._names, at_queries=self._at_queries, head=head, name=name)

    def _hidden(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> "list[torch.Tensor]":
        with self._call.evaluating(), outputs_of(self._layers) as outputs:
            self.module(*self._call.tensors(xs, ys, queries))
        return [self._at_queries(each, queries.shape[1]) for each in outputs]
