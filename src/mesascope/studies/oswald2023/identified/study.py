"""What `identify` says of the trained models of both papers."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.identify.candidates import BASELINES
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_step
from mesascope.studies.oswald2023.identified import trainings
from mesascope.studies.oswald2023.identified.cells import (
    Asking,
    BestTied,
    BestTiedCell,
    Identified,
    IdentifyAlikeCell,
    IdentifyTrainedCell,
    RarerSigns,
    RarerSignsCell,
)
from mesascope.studies.oswald2023.identified.panels import away, distances
from mesascope.studies.oswald2023.identified.readings import (
    NAMES,
    Asked,
    Models,
    Summary,
    in_a_sentence,
    in_words,
    readings,
)
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import PRESETS, Claim
from mesascope.theory.augmented import one_step_optimum
from mesascope.validation import check_count, check_known

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NAMED = "1 where the verdict is identified, or approximately, as {}; else 0"
NONE = "1 where the verdict is none, else 0; layers of unequal signs"
NEARER = "(distance to GD++) / (distance to gradient descent), both fitted"
LEAST = "lower end of the 95% interval of the distance to the nearest candidate"
EVERY: dict[str, Any] = {"over": "every seed"}
PAPER: dict[str, Any] = {**EVERY, "decided_by": "paper"}


class IdentifiedModels(AbstractStudy):
    """`identify` fits candidate algorithms to a model's answers. Which ones do the trained models run?

    **Question.** Both papers read an algorithm from weights, losses and alignments. Does an instrument that knows no
    paper find the same one?

    **Setting.** The models are those that figures 2, 3 and 11 train, and the layer on augmented tokens (0, s_t,
    s_{t-1}) of proposition 2 of Sander et al. 2024. Candidates, and the baselines, are fitted to a model's answers on
    some prompts, and scored on others.

    **What the paper says.** One layer is a step of gradient descent; tied or untied layers are steps of GD++; two
    softmax heads make a step; an augmented layer makes a step along its sequence.

    **What we measure.** The verdict, of the augmented layer as trained and with its weights' signs made equal across
    coordinates; the fitted rates against the best ones; the distance sqrt(sum |f - g|^2 / sum |f|^2) of a model f to a
    candidate g, where the zero predictor is at 1. Identified: at most 0.05, and rivals clearly farther. Approximately:
    at most 0.15. None: beyond.

    **Found here.** The signs of an augmented layer's weights may differ between coordinates, at no cost in its loss.
    Such a layer is no gradient step.

    **Differences.** Two softmax heads are held against centred gradient descent (see oswald2023-fig11-softmax).

    **Limits.** A rate for each of five steps is no candidate. Each model is asked with prompts of one length.
    """

    title: ClassVar = "What `identify` says of the trained models of both papers"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figures 2, 3, 11; Sander et al. 2024, proposition 2"
    claims: ClassVar = (
        Claim(
            "layer",
            "`identify` calls a trained linear attention layer, at least approximately, one gradient step.",
            NAMED.format("one step of gradient descent"),
            "at least",
            1.0,
            **PAPER,
            kind="paper",
            restates="figure 2",
        ),
        Claim(
            "layer-eta",
            "The learning rate fitted to a layer's answers is the best one within 3%.",
            "|fitted eta / closed form - 1|",
            "at most",
            0.03,
            **PAPER,
            kind="paper",
            restates="figure 2",
        ),
        Claim(
            "tied",
            "`identify` names two steps of GD++, at least approximately, for a layer applied twice.",
            NAMED.format("two steps of GD++"),
            "at least",
            1.0,
            **PAPER,
            kind="paper",
            restates="figure 3a",
        ),
        Claim(
            "tied-eta",
            "The GD++ learning rate fitted to a layer applied twice is best within 5%.",
            "|fitted eta / best GD++'s - 1|",
            "at most",
            0.05,
            **PAPER,
            kind="paper",
            restates="figure 3a",
        ),
        Claim(
            "tied-gamma",
            "The GD++ curvature correction fitted to a layer applied twice is best within 5%.",
            "|fitted gamma / best GD++'s - 1|",
            "at most",
            0.05,
            **PAPER,
            kind="paper",
            restates="figure 3a",
        ),
        Claim(
            "untied",
            "Five untied layers are twice as near to GD++ as to gradient descent.",
            NEARER,
            "at most",
            0.5,
            scale="log",
            **PAPER,
            kind="paper",
            restates="figure 3b",
        ),
        Claim(
            "untied-rates",
            "Five untied layers' answers differ from every candidate algorithm by 5% or more.",
            LEAST,
            "at least",
            0.05,
            **PAPER,
        ),
        Claim(
            "heads",
            "`identify` calls two softmax heads, at least approximately, one step of centred gradient descent.",
            NAMED.format("one step of centred gradient descent"),
            "at least",
            1.0,
            **PAPER,
        ),
        Claim(
            "alike",
            "With equalised weight signs, `identify` calls an augmented layer, at least approximately, a gradient"
            " step.",
            NAMED.format("one gradient step along the sequence"),
            "at least",
            1.0,
            **EVERY,
            kind="paper",
            restates="Sander et al. 2024, proposition 2",
        ),
        Claim(
            "signs",
            "`identify` names no algorithm for augmented layers whose weights' signs differ between coordinates.",
            NONE,
            "at least",
            1.0,
            **EVERY,
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "trained_at": "smoke",
            "seeds": 1,
            "candidates": ("gradient-descent", "centred-gradient-descent", "gd-plus-plus"),
            "sequence_candidates": ("gradient-descent-along-sequence", "last-value"),
            "num_fit": 20,
            "num_score": 20,
            "num_rivals": 1,
        },
        "quick": {},
        "paper": {"trained_at": "paper", "seeds": 4, "num_fit": 500, "num_score": 1000, "num_rivals": 6},
    }

    trained_at: str = "quick"
    """The preset of the other studies whose trainings are taken: smoke, quick or paper."""
    seeds: int = 2
    """Models of each training that are asked; a training of fewer is done anew with as many."""
    candidates: tuple[str, ...] = (
        "gradient-descent",
        "centred-gradient-descent",
        "gd-plus-plus",
        "chebyshev-iteration",
        "preconditioned-step",
        "ridge",
        "least-squares",
        "conjugate-gradient",
        "delta-rule",
        "nadaraya-watson",
    )
    """Who may be named, of models on prompts."""
    sequence_candidates: tuple[str, ...] = (
        "gradient-descent-along-sequence",
        "ridge-along-sequence",
        "exponential-smoothing",
        "last-value",
        "last-phases",
        "linear-extrapolation",
        "soft-induction",
        "zero",
    )
    """Who may be named, of models of sequences."""
    laws: tuple[str, ...] = ("inputs x 1/2", "inputs x 2", "labels x 3", "noise on labels", "condition 100")
    """Changes of prompts under which the choice is looked at; longer prompts are one more."""
    sequence_laws: tuple[str, ...] = ("states x 1/2", "states x 2", "noise on states", "from a third on")
    """Changes of sequences under which the choice is looked at."""
    num_fit: int = 200
    """Prompts of each law that candidates are fitted to."""
    num_score: int = 300
    """Fresh prompts of each law that distances are measured on."""
    num_rivals: int = 3
    """Candidates, the nearest first, that the choice must be told from."""

    def __check_init__(self):
        check_known("trained_at", self.trained_at, PRESETS)
        check_count("num_rivals", self.num_rivals)
        for name in ("num_fit", "num_score"):
            check_count(name, getattr(self, name), minimum=20)
        for name in ("gradient-descent", "centred-gradient-descent", "gd-plus-plus"):
            check_known("candidates", name, self.candidates)
        check_known("sequence_candidates", "gradient-descent-along-sequence", self.sequence_candidates)

    def cells(self) -> tuple[Cell, ...]:
        made = (trainings.one_layer, trainings.two_tied, trainings.untied, trainings.two_heads, trainings.augmented)
        *of_prompts, sequences = (self._training(make) for make in made)
        along = self._asking(self.sequence_candidates, self.sequence_laws)
        asked = (
            *(IdentifyTrainedCell(each, self._on_prompts(each.task.dim_x), self.seeds) for each in of_prompts),
            IdentifyTrainedCell(sequences, along, self.seeds),
            IdentifyAlikeCell(sequences, along, self.seeds),
        )
        return (
            *(Cell(name, each) for name, each in zip(NAMES, asked, strict=True)),
            Cell("rarer signs", RarerSignsCell(sequences)),
            Cell("best GD++", BestTiedCell(of_prompts[1].task, 2)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        *found, rarer, tied = results
        configs: list[Any] = [cell.config for cell in self.cells()[: len(NAMES)]]
        asked = (
            Asked(Identified(**each), of.asking.candidates, of.asking.laws)
            for each, of in zip(found, configs, strict=True)
        )
        process = configs[-1].training.task
        coefficient = one_step_optimum(process.dim, process.num_states - 2).coefficient
        rate = best_step(configs[0].training.task).learning_rate
        return Summary(Models(*asked), rate, BestTied(**tied), coefficient, RarerSigns(**rarer).rarer[: self.seeds])

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return tuple(map(in_words, NAMES, summary.models))

    def identified(self, summary: Summary) -> tuple[str, ...]:
        return tuple(map(in_a_sentence, NAMES, summary.models))

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"identified": distances(summary), "away": away(summary)}

    def _training(self, make: Any) -> Training:
        training = make(self.trained_at)
        return replace(training, seeds=max(training.seeds, self.seeds))

    def _asking(self, candidates: tuple[str, ...], laws: tuple[str, ...]) -> Asking:
        baselines = BASELINES["sequences" if candidates == self.sequence_candidates else "prompts"]
        names = tuple(dict.fromkeys((*candidates, *baselines)))
        return Asking(names, laws, self.num_fit, self.num_score, self.num_rivals)

    def _on_prompts(self, dim_x: int) -> Asking:
        return self._asking(self.candidates, (*self.laws, f"N = {4 * dim_x}"))
