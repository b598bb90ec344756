"""What a subject's answers are invariant to, and the filter that they are of the spectrum: steps that need no zoo."""

from typing import NamedTuple

from mesascope.identify.environments import IN_DISTRIBUTION, Environment
from mesascope.identify.sanity import Sanity, question_of
from mesascope.identify.stage import Scene
from mesascope.interop.stored import StoredPredictions
from mesascope.probes.invariance import Invariance
from mesascope.probes.invariances import invariances_of
from mesascope.probes.questions import Questions
from mesascope.probes.sequence_invariances import sequence_invariances_of
from mesascope.probes.spectral_response import NUM_KNOTS, SpectralResponse, spectral_response_of
from mesascope.subject import AbstractSequenceSubject, SubjectError

FEWEST_FOR_RESPONSE = 2 * NUM_KNOTS


class Symmetries(NamedTuple):
    """Every invariance that could be asked about, and the spectral response of a subject of prompts."""

    invariances: tuple[Invariance, ...] = ()
    response: SpectralResponse | None = None

    @property
    def broken(self) -> tuple[Invariance, ...]:
        """Those that do not hold."""
        return tuple(each for each in self.invariances if each.holds is False)


def symmetries(checked: Sanity, scene: Scene) -> Symmetries:
    """Asked with the prompts of the fit; a leak raises SubjectError before anything else is said."""
    environment = scene.inside()[-1]
    if isinstance(checked.subject, AbstractSequenceSubject):
        assert environment.states is not None
        found = sequence_invariances_of(checked.subject, environment.states, checked.floor.value)
        _check_leak(checked, environment, found)
        return Symmetries(found)
    if isinstance(getattr(checked.subject, "subject", None), StoredPredictions):
        return Symmetries()
    asked = question_of(checked.subject, environment)
    assert isinstance(asked, Questions)
    found = invariances_of(checked.subject, asked, checked.floor.value)
    _check_leak(checked, environment, found)
    return Symmetries(found, _response(checked, of_response(scene)))


def of_response(scene: Scene) -> Environment:
    """The prompts that a spectral response is measured on."""
    return max((each for each in scene.scored if each.law == IN_DISTRIBUTION), key=lambda each: len(each.queries))


def _response(checked: Sanity, environment: Environment) -> SpectralResponse | None:
    """None of a subject too slow to be asked enough."""
    asked = question_of(checked.subject, environment)
    assert isinstance(asked, Questions)
    assert not isinstance(checked.subject, AbstractSequenceSubject)
    if len(asked.xs) < FEWEST_FOR_RESPONSE:
        return None
    return spectral_response_of(checked.subject, asked)


def _check_leak(checked: Sanity, environment: Environment, found: tuple[Invariance, ...]) -> None:
    """A subject that reads what it must not is no subject: said before anything else."""
    leak = found[0]  # the first one asked
    if leak.holds is False:
        prompts = {"xs": environment.xs, "ys": environment.ys, "queries": environment.queries}
        question = prompts if environment.states is None else {"states": environment.states}
        raise SubjectError(
            f"`{checked.subject.name}` must not read what comes later or what others ask; its answers change by "
            f"{leak.value:.2g} of their size. {leak.breaks}",
            {name: array[:1] for name, array in question.items()},
        )
