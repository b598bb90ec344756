"""A causal language model of Hugging Face's as a subject, asked through its embeddings."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.extras import check_extra
from mesascope.interop.interleaving import asked_last, interleaved
from mesascope.interop.torch_calling import TorchCall, array_of, in_double, layers_of, outputs_of, untrained_copies
from mesascope.subject import AbstractSubject

if TYPE_CHECKING:
    import torch

FINAL_NORMS = ("ln_f", "norm", "final_layer_norm", "final_layernorm")  # of GPT-2, of Llama and Qwen, of NeoX and of Phi


class HuggingFaceSubject(AbstractSubject):
    """A model given `inputs_embeds`, between `read_in` [dim] -> embedding and `read_out` hidden state -> [dy].

    The tokens are x_1, y_1, x_2, y_2, ..., x_n, y_n, query, with labels zero-padded to `dim_x`, which must be at least
    their size; the answer is read out at the query. Every query is a row of its own, at most `batch_size` rows at once.
    Of a model with a head for words, the part below the head is asked. `layers` puts the state after each block
    through the model's final norm, since only the last one is behind it; None where no final norm is found.
    """

    def __init__(
        self,
        model: Any,
        read_in: "Callable[[torch.Tensor], torch.Tensor]",
        read_out: "Callable[[torch.Tensor], torch.Tensor]",
        *,
        max_examples: int | None = None,
        float64: bool = False,
        batch_size: int = 256,
        name: str | None = None,
    ):
        check_extra("huggingface")
        parts = [getattr(model, "base_model", model), read_in, read_out]
        for each, part in zip(("model", "read_in", "read_out"), parts, strict=True):
            if not callable(part):
                raise ValueError(f"`{each}` must be a module or a function of tensors; got {type(part).__name__}.")
        self._parts = [in_double(part) for part in parts] if float64 else parts
        self.backbone, self.read_in, self.read_out = self._parts
        self.name, self.batch_size = name or type(model).__name__, batch_size
        positions = getattr(getattr(model, "config", None), "max_position_embeddings", None)
        self.max_examples = (positions - 1) // 2 if max_examples is None and positions else max_examples
        self.dim_x, self.dim_y = getattr(read_in, "in_features", None), getattr(read_out, "out_features", None)
        self._call = TorchCall(self._parts)

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        return asked_last(self._read_last, self.batch_size, xs, ys, queries)

    def prefixes(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray | None:
        with self._call.evaluating():
            return array_of(self.read_out(self._states(xs, ys)[:, ::2]))

    def layers(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        if self._norm is None or not self._blocks:
            return None
        return np.moveaxis(asked_last(self._read_layers, self.batch_size, xs, ys, queries), 2, 0)

    def hidden(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        if not self._blocks:
            return None
        return np.moveaxis(asked_last(self._hold, self.batch_size, xs, ys, queries), 2, 0)

    def untrained(self, seed: int) -> "HuggingFaceSubject | None":
        parts = untrained_copies(self._parts, seed)
        if parts is None:
            return None
        settings = {"max_examples": self.max_examples, "batch_size": self.batch_size}
        return HuggingFaceSubject(*parts, **settings, name=f"{self.name}, untrained")

    @property
    def _blocks(self) -> "list[torch.nn.Module]":
        return layers_of(self.backbone, None)

    @property
    def _norm(self) -> "Callable[[torch.Tensor], torch.Tensor] | None":
        return next((getattr(self.backbone, each) for each in FINAL_NORMS if hasattr(self.backbone, each)), None)

    def _states(self, xs: np.ndarray, ys: np.ndarray) -> "torch.Tensor":
        (tokens,) = self._call.tensors(interleaved(xs, ys))
        return self.backbone(inputs_embeds=self.read_in(tokens)).last_hidden_state

    def _read_last(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        with self._call.evaluating():
            return array_of(self.read_out(self._states(xs, ys)[:, -2]))

    def _after_blocks(self, xs: np.ndarray, ys: np.ndarray) -> "list[torch.Tensor]":
        with outputs_of(self._blocks) as outputs:
            self._states(xs, ys)
        return [each[:, -2] for each in outputs]

    def _hold(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        with self._call.evaluating():
            return np.stack([array_of(each) for each in self._after_blocks(xs, ys)], axis=1)

    def _read_layers(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        assert self._norm is not None
        with self._call.evaluating():
            read = [self.read_out(self._norm(each)) for each in self._after_blocks(xs, ys)]
            return np.stack([array_of(each) for each in read], axis=1)
