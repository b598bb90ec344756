"""An identification in a file: safetensors with JSON in its header, read back as it was; plain JSON; a table in CSV."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from mesascope.arrays import UnusableFile, load_arrays, save_arrays
from mesascope.identify.layers import Layers
from mesascope.identify.mixture import Mixture
from mesascope.identify.profile import Interval
from mesascope.identify.result import Identification, LawRow, Row
from mesascope.identify.symmetries import Symmetries
from mesascope.identify.untrained import Untrained
from mesascope.identify.verdict import Kind, Verdict
from mesascope.probes.invariance import Invariance
from mesascope.probes.layer_map import LayerMap
from mesascope.probes.spectral_response import SpectralResponse
from mesascope.stats import Estimate

FORMAT = "identification 2"
_KINDS = (Identification, Row, LawRow, Verdict, Mixture, Interval, Estimate, Symmetries, Invariance, SpectralResponse)
_KINDS += (Layers, LayerMap, Untrained)
_CLASSES: dict[str, type] = {each.__name__: each for each in _KINDS}


def save(found: Identification, path: Path) -> None:
    """Write it, atomically; OSError where that fails."""
    arrays: dict[str, np.ndarray] = {}
    save_arrays(path, arrays, {"format": FORMAT, "found": _packed(found, arrays)})


def load_identification(path: str | Path) -> Identification:
    """What `save` wrote; `UnusableFile` for anything else."""
    path = Path(path)
    arrays, header = load_arrays(path)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise UnusableFile(path, f"is no {FORMAT}, as `identify(...).save(path)` writes it")
    try:
        return _unpacked(header["found"], arrays)
    except (LookupError, TypeError, ValueError) as error:
        raise UnusableFile(path, f"lacks what an identification holds ({error})") from error


def as_json(value: Any) -> Any:
    """Plain data: objects become dictionaries, numbers that are not finite null."""
    if isinstance(value, Identification):
        fields = {name: as_json(entry) for name, entry in vars(value).items()}
        return {"sentence": value.sentence, **fields}
    if hasattr(value, "_asdict"):
        return {name: as_json(entry) for name, entry in value._asdict().items()}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(name): as_json(entry) for name, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_json(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return as_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_csv(found: Identification) -> str:
    """One line for each candidate and law, with the distance; the choice and the runner-up under all laws."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["candidate", "law", "distance", "low", "high", "num_steps", "parameters"])
    for row in found.rows:
        parameters = "; ".join(f"{name}={value}" for name, value in row.parameters.items())
        table.writerow([row.name, "in distribution", *row.delta, row.num_steps, parameters])
    for law in found.laws[1:]:
        table.writerow([found.choice.name, law.law, *law.choice, "", ""])
        if law.runner_up is not None:
            table.writerow([found.verdict.runner_up, law.law, *law.runner_up, "", ""])
    return text.getvalue()


def _packed(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if type(value).__name__ in _CLASSES:
        fields = value._asdict() if hasattr(value, "_asdict") else vars(value)
        return {"class": type(value).__name__, "fields": {n: _packed(entry, arrays) for n, entry in fields.items()}}
    if isinstance(value, np.ndarray):
        name = f"array {len(arrays)}"
        arrays[name] = value
        return {"class": "array", "name": name}
    if hasattr(value, "items"):
        return {"class": "dict", "fields": {str(name): _packed(entry, arrays) for name, entry in value.items()}}
    if isinstance(value, (tuple, list)):
        return [_packed(entry, arrays) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return tuple(_unpacked(entry, arrays) for entry in value)
    if not isinstance(value, dict):
        return value
    if value["class"] == "array":
        return arrays[value["name"]]
    fields = {name: _unpacked(entry, arrays) for name, entry in value["fields"].items()}
    if value["class"] == "dict":
        return fields
    if value["class"] == "Verdict":
        fields["kind"] = Kind(fields["kind"])
    return _CLASSES[value["class"]](**fields)
