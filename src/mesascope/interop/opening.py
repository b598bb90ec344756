"""Whatever somebody has, as a subject: recognised by what it is."""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mesascope.arrays import HEADER, UnusableFile, load_arrays
from mesascope.interop.checkpoints import KIND as MODEL
from mesascope.interop.checkpoints import load
from mesascope.interop.functions import FunctionSubject
from mesascope.interop.garg import PARTS, GargSubject
from mesascope.interop.huggingface import HuggingFaceSubject
from mesascope.interop.predictors import PredictorSubject, SequencePredictorSubject
from mesascope.interop.sklearn_estimators import EstimatorSubject
from mesascope.interop.stored import StoredPredictions, metadata_of
from mesascope.interop.torch_modules import TorchSubject
from mesascope.predictor import AbstractPredictor, AbstractSequencePredictor
from mesascope.subject import AbstractSequenceSubject, AbstractSubject
from mesascope.training.fit import Trained

Subject = AbstractSubject | AbstractSequenceSubject
TAKEN = (
    "a subject; a model or an algorithm of this package, or what `fit` returned; a file of `save` or of "
    "`save_predictions`; a folder with config.yaml and state.pt; a module of PyTorch; an estimator of scikit-learn; "
    "the text 'module:object'; a function of one prompt, or of xs, ys and queries"
)


def as_subject(thing: Any, **options: Any) -> Subject:
    """What is given, as the subject that asks it; `options` are those of the class that it becomes.

    PyTorch and scikit-learn are not imported to find out. 'module:object' imports that module of yours, as Python's
    `import` does, and takes what it finds there. ValueError for what is not recognised, or an option that its class
    has not; UnusableFile, ExtraError and FileNotFoundError as the classes say.
    """
    if isinstance(thing, Subject):
        return _made(lambda: thing, options)
    if isinstance(thing, type):
        raise ValueError(f"the model must be an object; got the class {thing.__name__} itself. Make one of it.")
    if isinstance(thing, Trained):
        if thing.losses.ndim > 1:
            raise ValueError("the model must be one model; got those of several keys. Take one: `trained.seed(0)`.")
        return as_subject(thing.model, **options)
    if isinstance(thing, AbstractSequencePredictor):
        return _made(SequencePredictorSubject, options, thing)
    if isinstance(thing, AbstractPredictor):
        return _made(PredictorSubject, options, thing)
    if isinstance(thing, (str, Path)):
        return _from_text(thing, options)
    if _is_of("torch.nn", "Module", thing):
        return _from_torch(thing, options)
    if _is_of("sklearn.base", "BaseEstimator", thing):
        return _made(EstimatorSubject, options, thing)
    num_arguments = _num_arguments(thing) if callable(thing) else 0
    if num_arguments in (1, 3):
        return _made(PredictorSubject if num_arguments == 1 else FunctionSubject, options, thing)
    got = f"a function of {num_arguments} arguments" if callable(thing) else type(thing).__name__
    raise ValueError(f"the model must be {TAKEN}; got {got}.")


def _from_text(thing: str | Path, options: dict[str, Any]) -> Subject:
    """Of a folder, a file, or 'module:object', looked for in this order."""
    path = Path(thing)
    if path.is_dir():
        return _made(GargSubject.read, options, path)
    if path.exists():
        return _from_file(path, options)
    module_name, _, name = str(thing).partition(":")
    if not isinstance(thing, str) or not name or not all(map(str.isidentifier, f"{module_name}.{name}".split("."))):
        raise FileNotFoundError(f"{str(thing)!r}: no such file is there. What can be asked: {TAKEN}.")
    try:
        found: Any = importlib.import_module(module_name)
        for each in name.split("."):
            found = getattr(found, each)
    except Exception as error:
        raise ValueError(
            f"the model must name an object that can be imported; got {thing!r} ({type(error).__name__}: {error})."
        ) from error
    return as_subject(found, **options)


def _from_file(path: Path, options: dict[str, Any]) -> Subject:
    if path.suffix == ".npz" or HEADER not in metadata_of(path):
        return _made(StoredPredictions.read, options, path)
    header = load_arrays(path)[1]
    kind = header.get("kind") if isinstance(header, dict) else None
    if kind == MODEL:
        return as_subject(load(path), **options)
    if isinstance(header, dict) and "task" in header:
        raise UnusableFile(path, "is of a training that can be continued: `fit` reads it. `save` its model instead")
    return _made(StoredPredictions.read, options, path)


def _from_torch(module: Any, options: dict[str, Any]) -> Subject:
    if all(hasattr(module, part) for part in PARTS):
        return _made(GargSubject, options, module)
    if "read_in" in options or "read_out" in options:
        return _made(HuggingFaceSubject, options, module)
    if _is_of("transformers", "PreTrainedModel", module):
        raise ValueError(
            "`read_in` and `read_out` must be given with a model of Hugging Face's: maps from tokens to its embeddings "
            f"and from its hidden states to labels; got {type(module).__name__} alone."
        )
    return _made(TorchSubject, options, module)


def _made(make: Callable[..., Subject], options: dict[str, Any], *things: Any) -> Subject:
    """ValueError for an option that there is not, with those there are."""
    try:
        inspect.signature(make).bind(*things, **options)
    except TypeError as error:
        known = [each.name for each in inspect.signature(make).parameters.values()][len(things) :]
        there = f"its options are {', '.join(known)}" if known else "it has no options"
        raise ValueError(f"`options` must be those of {make.__qualname__}: {there}; got {error}.") from None
    return make(*things, **options)


def _is_of(module: str, name: str, thing: Any) -> bool:
    """Whether this is an object of a class of a module; not where nobody has imported that yet."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(thing, kind)


def _num_arguments(function: Callable[..., Any]) -> int:
    """How many arguments it must be given; three where nobody knows."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return 3
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional and each.default is inspect.Parameter.empty for each in parameters)
