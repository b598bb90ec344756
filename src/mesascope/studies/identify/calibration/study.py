"""Learners in disguise are put before the instrument, and networks that have learned nothing."""

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.identify.calibration.cells import (
    DisguisedCell,
    Instrument,
    Known,
    MixtureCell,
    NetworkCell,
    Said,
    TrainedNetworkCell,
)
from mesascope.studies.identify.calibration.networks import FlatNetwork, ShuffledTargets, softmax_network
from mesascope.studies.identify.calibration.panels import confusion_map, verdicts_and_parameters
from mesascope.studies.identify.calibration.readings import Summary, mistakes, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_known, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT_OUT = ("zero", "constant")  # of true algorithms: they have no answers to prompts to be told by
NETWORKS = ("random perceptron", "linear attention, untrained", "softmax attention, untrained")
SHUFFLED = ("linear attention, shuffled labels", "softmax attention, shuffled labels")


OPEN: dict[str, Any] = {"over": "one number", "kind": "open question"}
PAPER: dict[str, Any] = {**OPEN, "decided_by": "paper"}


class Calibration(AbstractStudy):
    """**Question.** `identify` compares a model's answers with candidate algorithms. How often does it name the right
    one?

    **Setting.** Linear regression, N = 10, d = 5. A member is an algorithm with parameters drawn from the range that is
    searched, such that its answers have .1 to 3 times the labels' size. It answers in single precision, on permuted
    coordinates, with noise of 2% of its answers' size (of the median answer where few are large). A mixture is the mean
    of two members of different families. Networks are random perceptrons, Transformers as initialised, and Transformers
    trained on the targets of other prompts.

    **What the paper says.** This study has no paper.

    **What we measure.** The verdict of `identify`: one name (identified), several, or none. An algorithm can be told
    apart where every other candidate is farther than 2 tau from the member; tau = .05 is the tolerance. A second
    verdict comes after the truth and every candidate within 2 tau are taken away. A name is right where it is the
    truth, or a simpler algorithm that the truth does not beat by .01.

    **Differences.** Fewer prompts are asked than `identify` asks.

    **Limits.** One task. One program makes the members' answers and is fitted to them. Near an end of a range they are
    often another algorithm: ridge regression without a penalty is least squares. Few long steps may do what many short
    ones do: then both count and rate come back wrong.
    """

    title: ClassVar = "How often `identify` names the right algorithm, and none where there is none"
    source: ClassVar = "a calibration of this package's own `identify`"
    claims: ClassVar = (
        Claim(
            "named",
            "If no other candidate is near, 98% of verdicts name the true algorithm.",
            "share that the verdict names, of members whose other candidates are all farther than 2 tau",
            "at least",
            0.98,
            **PAPER,
        ),
        Claim(
            "inversion",
            "98% of identifications name the true algorithm or a simpler one that fits as well.",
            "share with the true algorithm's name, or a simpler equal's, of members whose verdict is one name",
            "at least",
            0.98,
            **PAPER,
        ),
        Claim(
            "untrained",
            "A network that has learned nothing is never identified as a learning algorithm.",
            "number of networks identified as another candidate than zero, constant, mean-label and last-label",
            "at most",
            0.0,
            **OPEN,
        ),
        Claim(
            "mixtures",
            "No half-and-half mixture of two algorithms is identified as one algorithm.",
            "number of mixtures whose verdict is identified",
            "at most",
            0.0,
            **OPEN,
        ),
        Claim(
            "parameters",
            "95% of the true algorithm's fitted parameters err by at most 5%.",
            "share of parameters with |log(found / true)| up to .05 (linear ones: |found - true| / range), where "
            "the nearest candidate is the truth",
            "at least",
            0.95,
            **PAPER,
        ),
        Claim(
            "intervals",
            "95% of the intervals of parameters hold the true parameter.",
            "share of intervals (profile of the distance) that hold the true parameter, where the nearest "
            "candidate is the truth",
            "at least",
            0.95,
            **PAPER,
        ),
        Claim(
            "distance",
            "The true algorithm's median distance equals the added noise within a factor 1.25.",
            "|log((median distance of the nearest candidate) / noise)|, where it is the truth",
            "at most",
            0.22,
            **OPEN,
        ),
        Claim(
            "none",
            "Without the near candidates, three in four verdicts say that no algorithm fits.",
            "share of members whose second verdict is none",
            "at least",
            0.75,
            **PAPER,
        ),
        Claim(
            "ties",
            "Verdicts on known algorithms name at most one and a half algorithms on average.",
            "mean number of names in the verdict on a member",
            "at most",
            1.5,
            **PAPER,
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 1,
            "num_mixtures": 1,
            "num_networks": 1,
            "num_fit": 40,
            "num_score": 40,
            "num_steps": 10,
            "batch_size": 16,
            "truths": ("ridge", "nadaraya-watson"),
            "tried": ("ridge", "nadaraya-watson", "gradient-descent", "delta-rule"),
        },
        "quick": {},
        "paper": {"seeds": 14, "num_mixtures": 30, "num_networks": 8, "num_steps": 500, "truths": ()},
    }

    seeds: int = 1
    """Cases of every true algorithm."""
    num_mixtures: int = 1
    """Mixtures of two algorithms."""
    num_networks: int = 1
    """Networks of every kind."""
    truths: tuple[str, ...] = (
        "ridge", "least-squares", "gradient-descent", "newton-schulz", "delta-rule", "lasso", "nadaraya-watson",
        "nearest-neighbours",
    )  # fmt: skip
    """True algorithms; none named: all candidates but zero and constant."""
    tried: tuple[str, ...] = ()
    """Candidates that are tried, besides the baselines; none named: all there are."""
    noise: float = 0.02
    """Noise of a subject's answers, as a share of their size."""
    smallest: float = 0.1
    """Least size of a member's answers, as a share of the labels'."""
    largest: float = 3.0
    """Largest size of a member's answers, as a share of the labels'."""
    num_tries: int = 50
    """Draws of parameters, until answers have such a size."""
    least_apart: float = 0.15
    """Least distance of a mixture from either half."""
    num_fit: int = 100
    """Prompts that candidates are fitted to."""
    num_score: int = 150
    """Prompts that candidates are judged by, under every law."""
    num_queries: int = 1
    """Queries of a prompt."""
    num_rivals: int = 3
    """Rivals that the choice is asked apart from."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 5
    """Size of an input."""
    num_layers: int = 2
    """Attention layers of a Transformer; hidden layers of a perceptron."""
    dim_token: int = 16
    """Size of a softmax network's token."""
    dim_hidden: int = 32
    """Hidden units of a perceptron."""
    num_heads: int = 2
    """Heads of an attention layer."""
    num_steps: int = 300
    """Training steps on shuffled labels."""
    batch_size: int = 256
    """Prompts a training step."""
    learning_rate: float = 2e-3
    """Adam's rate."""
    first_seed: int = 0
    """The first seed of cases; the others follow."""

    def __check_init__(self):
        for name in [each.name for each in fields(self) if each.name.startswith(("num_", "dim_"))]:
            check_count(name, getattr(self, name))
        for name in ("noise", "smallest", "learning_rate", "least_apart"):
            check_positive(name, getattr(self, name))
        check_positive("largest", self.largest)
        if self.largest <= self.smallest:
            raise ValueError(f"`largest` must be above `smallest`, {self.smallest:g}; got {self.largest:g}.")
        if self.dim_token % self.num_heads:
            raise ValueError(f"`dim_token` must be a multiple of `num_heads`, {self.num_heads}; got {self.dim_token}.")
        for truth in self.truths:
            check_known("truths", truth, self._names())
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        return (*self._of_members(), *self._of_networks())

    def summarise(self, results: list[Arrays]) -> Summary:
        rest = iter(results)
        members, mixtures = {name: next(rest) for name in self._truths()}, next(rest)
        networks = {name: next(rest) for name in NETWORKS} | {name: [next(rest), next(rest)][1] for name in SHUFFLED}
        return Summary(
            self._names(),
            {name: _part_of(Said, each) for name, each in members.items()},
            {name: _part_of(Known, each) for name, each in members.items()},
            _part_of(Said, mixtures),
            {name: _part_of(Said, each) for name, each in networks.items()},
            self.noise,
        )

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return mistakes(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"confusion": confusion_map(summary), "verdicts": verdicts_and_parameters(summary)}

    def _of_members(self) -> tuple[Cell, ...]:
        """One cell a true algorithm, so that a run that stops can go on."""
        drawn = {"noise": self.noise, "smallest": self.smallest, "largest": self.largest, "num_tries": self.num_tries}
        cells = [
            DisguisedCell(self._instrument(), truth, self.seeds, self.first_seed + i * self.seeds, **drawn)
            for i, truth in enumerate(self._truths())
        ]
        mixtures = MixtureCell(
            self._instrument(), self.num_mixtures, self._seed_after_members(), **drawn, least_apart=self.least_apart
        )
        return (*(Cell(cell.truth, cell) for cell in cells), Cell("mixtures", mixtures))

    def _of_networks(self) -> tuple[Cell, ...]:
        """Of every kind those that are not trained, then trainings with what is measured of them."""
        instrument, num, seed = self._instrument(), self.num_networks, self._seed_after_members() + self.num_mixtures
        sizes = {"num_layers": self.num_layers, "dim_hidden": self.dim_hidden}
        heads = {"num_layers": self.num_layers, "num_heads": self.num_heads}
        flat = functools.partial(FlatNetwork.initialise, self.num_examples, self.dim_x, **sizes)
        linear = functools.partial(Transformer.initialise, self.dim_x, **heads)
        softmax = functools.partial(softmax_network, self.dim_x, dim_token=self.dim_token, **sizes | heads)
        fresh = [
            NetworkCell(instrument, make, num, seed, length)
            for make, length in ((flat, self.num_examples), (linear, None), (softmax, None))
        ]
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, clip_norm=1.0)
        trainings = [
            Training(make, ShuffledTargets(instrument.task), config, num, seed + num) for make in (linear, softmax)
        ]
        pairs = [
            (Cell(f"{name}: {each.label}", each), Cell(name, TrainedNetworkCell(instrument, each)))
            for name, each in zip(SHUFFLED, trainings, strict=True)
        ]
        return (*map(Cell, NETWORKS, fresh), *(cell for pair in pairs for cell in pair))

    def _instrument(self) -> Instrument:
        task = LinearRegression(num_examples=self.num_examples, dim_x=self.dim_x)
        return Instrument(task, self.tried, self.num_fit, self.num_score, self.num_queries, self.num_rivals)

    def _names(self) -> tuple[str, ...]:
        return tuple(self._instrument().names)

    def _truths(self) -> tuple[str, ...]:
        return self.truths or tuple(name for name in self._names() if name not in LEFT_OUT)

    def _seed_after_members(self) -> int:
        return self.first_seed + len(self._truths()) * self.seeds


def _part_of(columns: Any, result: Arrays) -> Any:
    return columns(**{name: result[name] for name in columns._fields})
