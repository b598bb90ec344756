"""Models of one layer on plain tokens, by their number of heads and by which token asks."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.models.position_weights import SoftmaxWeights
from mesascope.models.sequence_tokens import RepeatedTokens
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.studies._available_terms import invariant_terms, least_squares_along, linear_terms
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._depth import losses_along, validation_sequences
from mesascope.studies._measure import over_models
from mesascope.studies._training import Training
from mesascope.tasks.haar import HaarProcess
from mesascope.training.config import FitConfig

COPIES = 2  # of a state in its token


class TrainedCell(NamedTuple):
    """Trainings on one process, by name, and how many sequences their losses are measured on."""

    trainings: dict[str, Training]
    process: HaarProcess
    num_validation: int


class Summary(NamedTuple):
    """What figures and verdicts are made from: losses [seeds, states] by training, and of the fits of terms [seeds]."""

    by_dim: dict[int, Arrays]  # the first dimension has most trainings
    uniform: Arrays  # where s_1 is
    terms: Arrays


def name_of(num_heads: int, asks_before: bool) -> str:
    """The name of a training among those on one process."""
    return f"{'before' if asks_before else 'last'}_{num_heads}"


def heads_training(
    process: HaarProcess, num_heads: int, asks_before: bool, config: FitConfig, seeds: int, first_seed: int
) -> Training:
    """The authors' layer; weights of positions start equal, and all heads share them."""
    make = partial(
        SequenceTransformer.initialise,
        process.dim,
        tokens=RepeatedTokens(COPIES),
        num_heads=num_heads,
        positions=SoftmaxWeights(jnp.zeros((process.num_states, process.num_states))),
        asks_before=asks_before,
        residual=False,
    )
    return Training(make, process, config, seeds, first_seed)


def measure_heads(cell: TrainedCell, workspace: Workspace) -> Arrays:
    """Losses [seeds, states] of every training, relative to |s|^2, and of two kinds of terms, coefficients the best.

    `one_head`: linear heads without biases or normalisation, where only what is the same in every basis counts; a head
    is enough for that. `linear`: constant weights for the states.
    """
    sequences, others = (validation_sequences(cell.process, cell.num_validation, tuning) for tuning in (False, True))

    def losses(model: SequenceTransformer) -> dict[str, Array]:
        each = jax.vmap(lambda sequence: losses_along(model.trajectory(sequence), sequence))(sequences)
        return {"loss": each.mean(axis=0)[0]}

    states = [np.asarray(each.states) for each in (others, sequences)]
    kinds = {"one_head": invariant_terms, "linear": linear_terms}
    found = {name: least_squares_along(terms_fn, *states) for name, terms_fn in kinds.items()}
    for i, (name, training) in enumerate(cell.trainings.items()):
        found[name] = over_models(losses, training.trained(workspace).model)["loss"]
        workspace.report(i + 1, len(cell.trainings), "measured")
    return found


def readings(summary: Summary, heads: tuple[int, ...], last: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The numbers that claims are about, one a seed."""
    loss = {dim: {name: each.mean(axis=-1) for name, each in of.items()} for dim, of in summary.by_dim.items()}
    (dim, of), most, terms = next(iter(loss.items())), heads[-1], summary.terms
    enough = next(each for each in heads if each > dim)
    by_size = np.stack([loss[each][name_of(most, True)] for each in sorted(loss)])
    growth = by_size[:-1] / by_size[1:] if len(by_size) > 1 else np.full_like(by_size, np.nan)
    none = np.abs(np.stack([terms["last_pairs"], terms["last_plain"]]) - 1)
    two = np.append(np.zeros(terms["before_coefficients"].shape[1] - 2), (-0.5, 1.0))
    return {
        "improves": of[name_of(enough, True)] / of[name_of(1, True)],
        "saturates": of[name_of(most, True)] / of[name_of(enough, True)],
        "dimension": growth.max(axis=0),
        "last-token": np.min([of[name_of(each, False)] for each in last], axis=0),
        "before": of[name_of(most, True)] / of[name_of(most, False)],
        "uniform": summary.uniform[name_of(most, False)].mean(axis=-1) / summary.uniform["linear"].mean(),
        "no-term": none.max(axis=0),
        "biases": terms["last_biased"],
        "terms": np.abs(terms["before_coefficients"] - two).max(axis=1),
    }


def in_words(summary: Summary) -> tuple[str, ...]:
    """Mean losses of all seeds by which token asks and the number of heads, and of the fits of terms."""
    losses = (f"{name.replace('_', ', ')} {each.mean():.4f}" for name, each in summary.terms.items() if each.ndim == 1)
    return (
        *(_of_process(f"d = {dim}", of) for dim, of in summary.by_dim.items()),
        _of_process("s_1 uniform", summary.uniform),
        f"Least squares on terms, by which token asks: {'; '.join(losses)}.",
    )


def _of_process(name: str, of: Arrays) -> str:
    told = [name]
    for asks, text in (("before", "token before the last asks"), ("last", "last token asks")):
        counts = sorted(int(each.split("_")[1]) for each in of if each.startswith(f"{asks}_"))
        losses = [
            f"{count} heads {', '.join(f'{loss:.4f}' for loss in of[f'{asks}_{count}'].mean(axis=1))}"
            for count in counts
        ]
        told += [f"{text}, {', '.join(losses)}"] if losses else []
    best = f"best of one linear head {of['one_head'].mean():.4f}, of constant weights {of['linear'].mean():.4f}"
    return f"{'; '.join([*told, best])}."
