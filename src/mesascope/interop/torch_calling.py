"""How something of PyTorch's is called with numpy arrays: its device, its precision, its mode."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.interop.redrawn import can_be_redrawn, redrawn
from mesascope.validation import check_seed

if TYPE_CHECKING:
    import torch


class TorchCall:
    """The modules that answer, evaluated together: where they are, in the precision of their parameters.

    Without parameters they are asked on the CPU, in the precision of the question. A module in training mode is
    evaluated in evaluation mode and put back. Threads are left as they are.
    """

    def __init__(self, modules: Iterable[Any]):
        import torch

        self.modules = [each for each in modules if isinstance(each, torch.nn.Module)]
        parameters = [each for module in self.modules for each in module.parameters()]
        numbers = [each for each in parameters if each.is_floating_point() or each.is_complex()]
        self.device = parameters[0].device if parameters else torch.device("cpu")
        self.dtype = numbers[0].dtype if numbers else None

    def tensors(self, *arrays: np.ndarray) -> "list[torch.Tensor]":
        """Copies of the arrays, which may be views in any order; complex ones stay complex."""
        import torch

        tensors = [torch.tensor(np.ascontiguousarray(array), device=self.device) for array in arrays]
        if self.dtype is None:
            return tensors
        return [each.to(self.dtype.to_complex() if each.is_complex() else self.dtype) for each in tensors]

    @contextlib.contextmanager
    def evaluating(self, *, gradients: bool = False) -> "Iterator[None]":
        """Evaluation mode, without gradients unless they are wanted."""
        import torch

        modes = {each: each.training for module in self.modules for each in module.modules()}
        try:
            for module in self.modules:
                module.eval()
            with torch.enable_grad() if gradients else torch.no_grad():
                yield
        finally:
            for each, mode in modes.items():
                each.training = mode


def array_of(answer: Any) -> np.ndarray:
    """A tensor's numbers, half precision in single; ValueError for what is no tensor."""
    import torch

    if not isinstance(answer, torch.Tensor):
        raise ValueError(f"answers must be a tensor; got {type(answer).__name__}.")
    answer = answer.detach().cpu()
    return (answer.float() if answer.dtype in (torch.float16, torch.bfloat16) else answer).numpy()


def in_double(module: Any) -> Any:
    """A copy of a module in double precision, or of what else is called, as it is."""
    import copy

    import torch

    return copy.deepcopy(module).double() if isinstance(module, torch.nn.Module) else module


def untrained_copies(modules: Iterable[Any], seed: int) -> list[Any] | None:
    """Copies of modules with every parameter `redrawn`, beside what is no module; None where nothing changes."""
    import copy

    import torch

    check_seed("seed", seed)
    generator = np.random.default_rng(seed)
    copies = [copy.deepcopy(each) if isinstance(each, torch.nn.Module) else each for each in modules]
    parameters = [each for part in copies if isinstance(part, torch.nn.Module) for each in part.parameters()]
    if not any(can_be_redrawn(array_of(each)) for each in parameters):
        return None
    with torch.no_grad():
        for each in parameters:
            each.copy_(torch.tensor(redrawn(array_of(each), generator)).to(each.dtype))
    return copies


@contextlib.contextmanager
def outputs_of(modules: "Iterable[torch.nn.Module]") -> "Iterator[list[torch.Tensor]]":
    """What each of these modules gives while this is open, in the order of its calls; of a tuple, the first."""
    outputs: list[torch.Tensor] = []
    catch: Callable[..., None] = lambda module, inputs, output: outputs.append(  # noqa: E731
        output[0] if isinstance(output, tuple) else output
    )
    hooks = [module.register_forward_hook(catch) for module in modules]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def layers_of(module: Any, names: tuple[str, ...] | None) -> "list[torch.nn.Module]":
    """The submodules of these names; without names, the entries of the one outermost ModuleList, if there is one.

    ValueError for a name that there is not.
    """
    import torch

    from mesascope.spelling import did_you_mean

    if not isinstance(module, torch.nn.Module):
        return []
    known = dict(module.named_modules())
    if names is None:
        lists = [name for name, each in known.items() if isinstance(each, torch.nn.ModuleList)]
        outermost = [name for name in lists if not any(name.startswith(f"{other}.") for other in lists)]
        return list(known[outermost[0]].children()) if len(outermost) == 1 else []
    for name in names:
        if name not in known:
            raise ValueError(f"`layers` must name submodules; got {name!r}.{did_you_mean(name, known)}")
    return [known[name] for name in names]
