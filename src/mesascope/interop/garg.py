"""The layout of Garg et al. 2022 as a subject: x and y in turn, an answer at every x."""

from pathlib import Path
from typing import Any

import numpy as np

from mesascope.arrays import UnusableFile
from mesascope.extras import check_extra
from mesascope.interop.huggingface import HuggingFaceSubject
from mesascope.interop.interleaving import asked_last
from mesascope.interop.torch_calling import TorchCall, array_of, in_double, untrained_copies
from mesascope.subject import AbstractSubject

SIZES = ("n_dims", "n_positions", "n_embd", "n_layer", "n_head")
PARTS = ("_backbone", "_read_in", "_read_out")
BUFFERS = (".attn.bias", ".attn.masked_bias")  # of attention in older versions: masks, no weights


class GargSubject(AbstractSubject):
    """A module `forward(xs [b n dx], ys [b n])` -> [b n] whose row i answers x_i after the examples before it.

    Labels are single numbers. The query is the last x, with a y of zero behind it, which a causal model does not see;
    every query is a row of its own, at most `batch_size` rows at once. Where the module has the parts `_read_in`,
    `_backbone`, a model of Hugging Face's, and `_read_out`, its layers are read out as `HuggingFaceSubject`'s are.
    """

    dim_y = 1

    def __init__(self, module: Any, *, float64: bool = False, batch_size: int = 256, name: str | None = None):
        check_extra("torch")
        if not callable(module) or isinstance(module, type):
            raise ValueError(f"`module` must be a module that takes xs and ys; got {module!r}. Make one.")
        self.module = in_double(module) if float64 else module
        self.batch_size, self.name = batch_size, name or str(getattr(module, "name", type(module).__name__))
        self.dim_x = getattr(module, "n_dims", None)
        positions = getattr(module, "n_positions", None)
        self.max_examples = None if positions is None else positions - 1
        self._call = TorchCall([self.module])

    @classmethod
    def read(cls, folder: Path | str, *, step: int | None = None, **options: Any) -> "GargSubject":
        """Of a folder with `config.yaml` and `state.pt`, or, of a training's step, `model_<step>.pt`.

        Only numbers are read of these files, nothing is run. ValueError (`UnusableFile`) for a file that is damaged, of
        another family than GPT-2, or whose weights are not those that the sizes in `config.yaml` call for. Buffers of
        older attention are left out.
        """
        check_extra("huggingface")
        from mesascope.interop.garg_model import GargTransformer

        folder = Path(folder)
        model = GargTransformer(**_sizes(folder / "config.yaml"))
        path = folder / ("state.pt" if step is None else f"model_{step}.pt")
        _fill(model, path, _weights(path, "model_state_dict" if step is None else None))
        return cls(model, **{"name": folder.resolve().name, **options})

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        return asked_last(lambda xs, ys: self._ask(xs, ys)[:, -1], self.batch_size, xs, ys, queries)

    def prefixes(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray | None:
        return self._ask(xs, ys)

    def layers(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        parts = self._in_parts()
        return None if parts is None else parts.layers(xs, ys, queries)

    def hidden(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        parts = self._in_parts()
        return None if parts is None else parts.hidden(xs, ys, queries)

    def untrained(self, seed: int) -> "GargSubject | None":
        copies = untrained_copies([self.module], seed)
        if copies is None:
            return None
        return GargSubject(*copies, batch_size=self.batch_size, name=f"{self.name}, untrained")

    def _ask(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        if ys.shape[-1] != 1:
            raise ValueError(f"`ys` must have one number a label in this layout; got {ys.shape[-1]}.")
        with self._call.evaluating():
            return array_of(self.module(*self._call.tensors(xs, ys[..., 0])))[..., None]

    def _in_parts(self) -> HuggingFaceSubject | None:
        parts: list[Any] = [getattr(self.module, part, None) for part in PARTS]
        if None in parts or not hasattr(parts[0], "base_model"):
            return None
        return HuggingFaceSubject(*parts, batch_size=self.batch_size)


def _sizes(path: Path) -> dict[str, int]:
    """The sizes under `model` in a configuration; tags of classes are read as plain mappings."""
    import yaml

    class Plain(yaml.SafeLoader):
        """Knows no class: a mapping is a mapping, whatever its tag says."""

    Plain.add_multi_constructor("!munch", lambda loader, _, node: loader.construct_mapping(node, deep=True))
    try:
        settings = yaml.load(path.read_text(), Loader=Plain)["model"]
        family, sizes = settings.get("family", "gpt2"), {name: int(settings[name]) for name in SIZES}
    except FileNotFoundError:
        raise
    except (yaml.YAMLError, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        needs = ", ".join(SIZES)
        raise UnusableFile(path, f"has no section `model` with {needs} ({type(error).__name__}: {error})") from error
    if family != "gpt2":
        raise UnusableFile(path, f"is of a model of the family {family!r}, not gpt2: give the module itself instead")
    return sizes


def _weights(path: Path, key: str | None) -> dict[str, Any]:
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        return dict(found if key is None else found[key])
    except FileNotFoundError:
        raise
    except Exception as error:  # torch has no kind of error for a damaged file
        raise UnusableFile(path, f"holds no weights ({type(error).__name__}: {error})") from error


def _fill(model: Any, path: Path, weights: dict[str, Any]) -> None:
    """Put every weight in its place; `UnusableFile` for one that is missing, left over or of another shape."""
    weights = {name: each for name, each in weights.items() if not name.endswith(BUFFERS)}
    own = model.state_dict()
    missing, unknown = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    for names, problem in ((missing, "lacks"), (unknown, "holds, beside the model's weights,")):
        if names:
            raise UnusableFile(path, f"{problem} {', '.join(names[:3])}{' and others' * (len(names) > 3)}")
    for name, each in own.items():
        if weights[name].shape != each.shape:
            shapes = f"{tuple(weights[name].shape)} instead of {tuple(each.shape)}"
            raise UnusableFile(path, f"holds {name} of shape {shapes}, against config.yaml")
    model.load_state_dict(weights)
