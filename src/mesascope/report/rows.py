"""The numbers of judged studies as one table: a row a number, with its claim, its seed and where it comes from."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mesascope.configuration import describe
from mesascope.extras import check_extra
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import Verdict
from mesascope.study.result import StudyResult

MEASURED = "also measured"  # the kind of a number that no claim is about


class Judged(NamedTuple):
    """A study, its verdicts, and of its cells the labels, the keys and the provenance, in order."""

    study: AbstractStudy
    result: StudyResult
    labels: Sequence[str]
    keys: Sequence[str]
    provenance: Sequence[Mapping[str, Any]]


def rows(judged: Judged) -> Iterator[dict[str, Any]]:
    """A row a number; of a claim that a bootstrap decides, whose numbers are not kept, one row with its estimate."""
    common = _common(judged)
    for verdict in judged.result.verdicts:
        numbers = verdict.numbers or (verdict.measured,)
        yield from _numbered(judged, {**common, **_of_claim(verdict)}, numbers, verdict.claim.over)
    for name, numbers in judged.result.others.items():
        told = {"claim": name, "kind": MEASURED}
        yield from _numbered(judged, {**common, **told}, numbers, "mean")


def parquet(studies: Iterable[Judged]) -> tuple[bytes, int]:
    """A Parquet file of all rows, and how many there are; `ExtraError` where pyarrow is missing."""
    check_extra("parquet")
    import pyarrow
    import pyarrow.parquet

    found = [row for judged in studies for row in rows(judged)]
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(found, schema=_schema()), sink)
    return sink.getvalue().to_pybytes(), len(found)


def _schema() -> Any:
    import pyarrow

    text, number, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    return pyarrow.schema(
        {
            **dict.fromkeys(("study", "preset", "settings", "claim", "kind", "statement", "quantity"), text),
            "seed": whole,
            "position": whole,
            "number": number,
            "relation": text,
            "bound": number,
            **dict.fromkeys(("measured", "low", "high"), number),
            **dict.fromkeys(("spread", "verdict"), text),
            **{name: pyarrow.list_(text) for name in ("cells", "keys")},
            **dict.fromkeys(("version", "commit", "device", "precision"), text),
            "finished": pyarrow.timestamp("us", tz="UTC"),
            "seconds": number,
        }
    )


def _common(judged: Judged) -> dict[str, Any]:
    """What all rows of a study share; where its cells differ in that, everything that they say."""
    told = judged.provenance
    finished = [datetime.fromisoformat(each["finished"]) for each in told if each.get("finished")]
    return {
        "study": judged.result.study,
        "preset": judged.result.preset,
        "settings": json.dumps(describe(judged.study), sort_keys=True),
        "cells": list(judged.labels),
        "keys": list(judged.keys),
        "version": _all((each.get("versions") or {}).get("mesascope") for each in told),
        **{name: _all(each.get(name) for each in told) for name in ("commit", "device", "precision")},
        "finished": max(finished, default=None),
        "seconds": sum(each["seconds"] for each in told),
    }


def _of_claim(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "claim": claim.id,
        "kind": claim.kind,
        "statement": claim.statement,
        "quantity": claim.quantity,
        "relation": claim.relation,
        "bound": claim.bound,
        "measured": verdict.measured,
        "low": verdict.low,
        "high": verdict.high,
        "spread": verdict.spread,
        "verdict": str(verdict.outcome),
    }


def _numbered(judged: Judged, told: dict[str, Any], numbers: Sequence[float], over: str) -> Iterator[dict[str, Any]]:
    """A row a number, with its seed where there is one a seed."""
    one_a_seed = over in ("mean", "every seed") and len(numbers) == judged.study.seeds
    first = getattr(judged.study, "first_seed", 0)
    for position, number in enumerate(numbers):
        seed = first + position if one_a_seed else None
        yield {**told, "seed": seed, "position": position, "number": number}


def _all(values: Iterable[Any]) -> str | None:
    return ", ".join(sorted({str(value) for value in values if value is not None})) or None
