"""A model in a file: its configuration as text, its arrays bit for bit, and no code that reading would run."""

from pathlib import Path
from typing import Any

from mesascope.arrays import UnusableFile, load_arrays, save_arrays
from mesascope.interop.written import NotReadable, OtherPrecision, Reader, Writer
from mesascope.predictor import AbstractPredictor
from mesascope.training.fit import Trained
from mesascope.validation import check_class
from mesascope.version import __version__

KIND, FORMAT = "model", 1


def save(model: AbstractPredictor | Trained, path: Path | str) -> None:
    """Write a model, or what training leaves, to a safetensors file that `load` reads back bit for bit.

    ValueError for what no file can hold: a function that is not this package's own, an object of a class of yours.
    OSError where the file cannot be written.
    """
    check_class("model", model, (AbstractPredictor, Trained), "Give a model, or what `fit` returned.")
    writer = Writer()
    described = writer.describe(model)
    header = {"kind": KIND, "format": FORMAT, "mesascope": __version__, "object": described}
    save_arrays(Path(path), writer.arrays, header)


def load(path: Path | str) -> Any:
    """Read what `save` wrote: the model, or the `Trained`.

    Only classes and functions of this package, and layers of Equinox's, are made. `UnusableFile`, a ValueError, for a
    file that is damaged, of another kind, or of a version whose classes had other fields; ValueError for arrays of
    double precision where JAX is set to single; FileNotFoundError where there is none.
    """
    path = Path(path)
    arrays, header = load_arrays(path)
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise UnusableFile(path, "holds something else of mesascope's, no model that `save` wrote")
    version = f"it was written by mesascope {header.get('mesascope')}, this is {__version__}"
    if header.get("format") != FORMAT:
        raise UnusableFile(path, f"has format {header.get('format')}, not {FORMAT}: {version}")
    try:
        found = Reader(arrays).build(header["object"])
    except OtherPrecision as error:
        raise ValueError(
            f"`{path}` must be read in the precision it was written in; got {error} while JAX is set "
            "to single precision. Call `jax.config.update('jax_enable_x64', True)` first."
        ) from None
    except NotReadable as error:
        raise UnusableFile(path, f"{error} ({version})") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UnusableFile(path, f"does not describe a model: {error} ({version})") from error
    if not isinstance(found, (AbstractPredictor, Trained)):
        raise UnusableFile(path, f"holds {type(found).__name__} where a model must be")
    return found
